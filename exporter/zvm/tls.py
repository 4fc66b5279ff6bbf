"""TLS contexts of connections to ZVMs: one for all that want the same, made anew when the files change."""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import structlog

from exporter.rewrites import SETTLED_SECONDS, Stamps, stamps
from exporter.threads import in_poll_thread
from exporter.zvm.errors import ConnectError
from exporter.zvm.settings import Tls

# Python 3.13 also refuses certificates for what RFC 5280 asks of them and no other client minds (STRICT), and 3.12 and
# older refuse to trust a certificate that is no authority's (PARTIAL_CHAIN): set here, all judge alike.
VERIFY_FLAGS: Final = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN

_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}

_shared: Final[WeakValueDictionary[bytes, ssl.SSLContext]] = WeakValueDictionary()
_one_at_a_time: Final = threading.Lock()


def new_context(tls: Tls) -> ssl.SSLContext:
    """Build the context of a client from the files as they are now.

    Raises:
        OSError: a file cannot be read (ssl.SSLError, its subclass: it is no certificate or key, or `ciphers` has none).
    """
    context = ssl.create_default_context(cafile=tls.ca_file)
    context.verify_flags = VERIFY_FLAGS
    context.minimum_version = _VERSIONS[tls.min_version]
    if tls.ciphers is not None:
        context.set_ciphers(tls.ciphers)
    if tls.cert_file is not None:
        load_pair(context, tls.cert_file, tls.key_file)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def load_pair(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    """Have *context* show the certificate; its key is in *key_file*, None where it is beside the certificate.

    Raises:
        OSError: a file cannot be read, holds none, or needs a passphrase.
    """
    # Without an answer of ours OpenSSL would ask the terminal for a passphrase, and wait.
    context.load_cert_chain(cert_file, key_file, password="")


def shared_context(tls: Tls) -> tuple[ssl.SSLContext, bytes]:
    """Return the context for the files as they are now, and what tells their contents and all other keys apart.

    Reading the system's certificates takes 20 ms and a megabyte, so those who want the same have one.

    Raises:
        OSError: as new_context; also where a file changes meanwhile.
    """
    with _one_at_a_time:  # of hundreds that ask at the start one builds, and the others find it
        digest = contents(tls)
        context = _shared.get(digest)
        if context is None:
            context = new_context(tls)
            if contents(tls) != digest:
                raise OSError("the files change just now")
            _shared[digest] = context
    return context, digest


def contents(tls: Tls) -> bytes:
    """Return a hash of the keys of *tls* and of what its files hold. Raises OSError: one cannot be read."""
    # Where the files are does not matter, only what they hold.
    held = [file and hashlib.sha256(file.read_bytes()).digest() for file in _files(tls)]
    return hashlib.sha256(repr((tls.min_version, tls.ciphers, tls.insecure_skip_verify, held)).encode()).digest()


class Follower:
    """The context of one ZVM. Looks at the files with each request and follows them when they change."""

    def __init__(self, zvm: str, tls: Tls) -> None:
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._digest = b""
        self._stamps: Stamps | None = None
        self._complaint = ""
        self._log = structlog.get_logger().bind(zvm=zvm)

    async def context(self) -> ssl.SSLContext:
        """Return the context for the files as they are now; the one before where they cannot be used.

        Raises:
            ConnectError: they cannot be used, and never could.
        """
        now = stamps(file for file in _files(self._tls) if file is not None)  # before they are read
        if self._context is not None and now == self._stamps:
            return self._context
        try:
            context, digest = await in_poll_thread(shared_context, self._tls)
        except OSError as error:
            problem = f"tls: cannot use ca_file, cert_file or key_file: {_reason(error)}"
            if self._context is None:
                raise ConnectError(problem) from error
            self._complain(problem)
            # What is in the files is wrong, and stays so until they change; anything else may be over the next time.
            self._stamps = now if isinstance(error, ssl.SSLError) and _settled(now) else None
            return self._context
        if self._digest not in {b"", digest}:
            self._log.info("the TLS files have changed: new connections use them")
        self._context, self._digest, self._complaint = context, digest, ""
        self._stamps = now if _settled(now) else None
        return context

    def _complain(self, problem: str) -> None:
        if problem != self._complaint:
            self._complaint = problem
            self._log.warning("the TLS files have changed and cannot be used; those before hold on", error=problem)


def _reason(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _files(tls: Tls) -> tuple[Path | None, ...]:
    return tls.ca_file, tls.cert_file, tls.key_file


def _settled(now: Stamps) -> bool:
    """Tell whether a change after the stamps were taken would show in the next ones."""
    newest = max((max(stamp[:2]) for stamp in now.values() if stamp), default=0)
    return time.time_ns() - newest > SETTLED_SECONDS * 1e9
