"""Why there is no connection to a ZVM, in words for the person who must act."""

from __future__ import annotations

import os
import re
import ssl
from typing import Final

import aiohttp

from exporter.zvm.login.secrets import Scrubber
from exporter.zvm.proxy import Proxy
from exporter.zvm.settings import Settings

_LONGEST: Final = 200  # characters
_REASON: Final = re.compile(r"\[SSL: ([A-Z0-9_]+)\]")
# OpenSSL's names for how a handshake fails, of which each version of it has some, and what is behind them.
_VERSION: Final = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS", "VERSION_TOO_LOW", "WRONG_SSL_VERSION")
_CIPHER: Final = (
    "HANDSHAKE_FAILURE",
    "INSUFFICIENT_SECURITY",
    "NO_CIPHERS_AVAILABLE",
    "NO_SHARED_CIPHER",
    "KEY_TOO_SMALL",
    "SIGNATURE_TYPE",
    "SIGNATURE_ALGORITHM",
)
_OURS: Final = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "CERTIFICATE_EXPIRED")


class Failures:
    """Says why a request to one ZVM has no answer, without secrets and in one line."""

    def __init__(self, settings: Settings, scrubber: Scrubber, proxy: Proxy) -> None:
        self._settings = settings
        self._scrubber = scrubber
        self._proxy = proxy

    def why(self, error: Exception) -> str:
        """Return what *error* means."""
        return self._of_proxy(error) or self._of_tls(error) or f"{self._of_zvm(error)}{self.through}"

    @property
    def through(self) -> str:
        """Through which proxy, as words to put behind; nothing where there is none."""
        return "" if self._proxy.url is None else f" (through the proxy {self._proxy.url})"

    def refused(self, status: int, reason: str) -> str:
        """Return what it means that the proxy itself answers with *status* and *reason*."""
        hint = " (proxy_auth)" if status == 407 else ""
        quote = self._scrubber.beginning(" ".join(reason.split()), _LONGEST)
        return f"the proxy {self._proxy.url} refused to connect to {self._settings.url}{hint}: HTTP {status} {quote}"

    def _of_proxy(self, error: Exception) -> str:
        url = self._proxy.url
        if url is None:
            return ""
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return self.refused(error.status, error.message)
        if isinstance(error, aiohttp.ClientConnectorDNSError):  # the ZVM's own name is for the proxy to look up
            return f"the name of the proxy {url} cannot be resolved (proxy_url): {self._line(error)}"
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return f"no connection to the proxy {url} (proxy_url): {self._system(error)}"
        return ""

    def _of_tls(self, error: Exception) -> str:
        url, tls = self._settings.url, self._settings.tls
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            why = self._line(error.certificate_error)
            return f"the certificate of {url} cannot be verified (tls.ca_file, tls.server_name): {why}"
        why = self._line(error)
        found = _REASON.search(why)
        if found is not None:
            return f"{self._of_handshake(found[1])}: {why}"
        if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
            return f"no TLS connection to {url} (is the port right?): {why}"
        # Windows closes the connection where another would say that it has no version or cipher in common with us.
        inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
        if (
            isinstance(inner, ConnectionResetError | ConnectionAbortedError | BrokenPipeError)
            and self._settings.encrypted
        ):
            keys = f"tls.min_version is {tls.min_version}, tls.ciphers"
            return f"{url} closed the connection in the TLS handshake (is the port right? {keys}): {why}"
        return ""

    def _of_handshake(self, reason: str) -> str:
        url, tls = self._settings.url, self._settings.tls
        if any(name in reason for name in _VERSION):
            return f"no TLS version in common with {url} (tls.min_version is {tls.min_version})"
        if any(name in reason for name in _OURS):
            return f"{url} does not accept our client certificate (tls.cert_file)"
        if any(name in reason for name in _CIPHER):
            hint = "" if tls.cert_file else ", or it asks for a client certificate, tls.cert_file"
            return f"no TLS cipher or key in common with {url} (tls.ciphers, tls.min_version{hint})"
        return f"no TLS connection to {url} (is the port right?)"

    def _of_zvm(self, error: Exception) -> str:
        url, why = self._settings.url, self._line(error)
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return f"the name of {url} cannot be resolved: {why}"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"no connection to {url} (is the port right?): {self._system(error)}"
        if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
            hint = " (does it expect https?)" if not self._settings.encrypted else ""
            return f"{url} closed the connection before its answer{hint}: {why}"
        return f"{url}: no valid HTTP answer: {why}"

    def _system(self, error: aiohttp.ClientConnectorError) -> str:
        return os.strerror(error.errno) if error.errno else self._line(error)

    def _line(self, error: BaseException) -> str:
        if isinstance(error, aiohttp.ClientConnectorError):
            error = error.os_error  # without the host and the context, which aiohttp tells too
        text = " ".join(str(error).split())
        if isinstance(error, aiohttp.ClientResponseError):
            # Then aiohttp quotes a header, and may cut a secret in it short.
            text = text.partition(" when reading: ")[0]
        text = self._scrubber.beginning(text, _LONGEST).encode("utf-8", "backslashreplace").decode()
        return text or type(error).__name__
