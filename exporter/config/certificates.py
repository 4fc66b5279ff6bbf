"""Whether certificates, keys and ciphers of a ZVM's `tls` are what they should be, and go together."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from exporter.config.document import Expanded
from exporter.config.files import contents
from exporter.zvm.settings import Tls
from exporter.zvm.tls import new_context


def check_tls(tls: Tls) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with *tls* and the files that it names: the key, and the problem."""
    held, unreadable = contents({"ca_file": tls.ca_file, "cert_file": tls.cert_file, "key_file": tls.key_file})
    yield from ((f"tls.{key}", problem) for key, problem in unreadable.items())
    if tls.key_file is not None and tls.cert_file is None:
        yield "tls.cert_file", "missing, key_file needs it"
        return
    if "ca_file" in held:
        try:
            new_context(Tls(ca_file=tls.ca_file))
        except OSError:
            yield "tls.ca_file", f"{tls.ca_file} holds no certificate"
    if tls.ciphers is not None:
        yield from (("tls.ciphers", problem) for problem in _ciphers(tls.ciphers))
    key_file = tls.key_file or tls.cert_file
    if tls.cert_file is not None and key_file is not None and not {"cert_file", "key_file"} & unreadable.keys():
        yield from _pair(tls.cert_file, key_file, held)


def _ciphers(ciphers: str) -> Iterator[str]:
    """Yield what OpenSSL does not know; of a list it would pass over all but the last such part without a word."""
    shown = "" if isinstance(ciphers, Expanded) else f", got {ciphers[:100]!r}"
    parts = [part.partition("@")[0] for part in re.split("[:, ]", ciphers) if part[:1] not in {"!", "-", "+", "@"}]
    for text in [ciphers, *(part for part in parts if part)]:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(text)
        except ssl.SSLError:
            unknown = "" if text == ciphers or isinstance(ciphers, Expanded) else f"; it knows no {text[:60]!r}"
            yield f"expected ciphers as `openssl ciphers` takes them{shown}{unknown}"
            return


def _pair(cert_file: Path, key_file: Path, held: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    key = "key_file" if "key_file" in held else "cert_file"
    if b"ENCRYPTED" in held[key]:  # OpenSSL would ask the terminal for the passphrase and wait
        yield f"tls.{key}", f"{key_file} needs a passphrase; expected a key without one"
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert_file, key_file)
    except OSError as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            yield f"tls.{key}", f"{key_file} is not the key of the certificate in {cert_file}"
        else:
            yield "tls.cert_file", f"expected a certificate in {cert_file} and its key in {key_file}, both PEM"
