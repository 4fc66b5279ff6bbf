"""Why there is no connection to a ZVM, in words for the person who must act."""

from __future__ import annotations

import os
import ssl
from typing import Final

import aiohttp

from exporter.zvm.proxy import Proxy
from exporter.zvm.secrets import Scrubber
from exporter.zvm.settings import Settings

_REASON: Final = 200  # characters
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
        through = "" if self._proxy.url is None else f" (through the proxy {self._proxy.url})"
        return self._of_proxy(error) or self._of_tls(error) or f"{self._of_zvm(error)}{through}"

    def _of_proxy(self, error: Exception) -> str:
        url = self._proxy.url
        if url is None:
            return ""
        if isinstance(error, aiohttp.ClientHttpProxyError):
            hint = " (proxy_auth)" if error.status == 407 else ""
            said = self._scrubber.beginning(" ".join(error.message.split()), _REASON)
            return f"the proxy {url} refused to connect to {self._settings.url}{hint}: HTTP {error.status} {said}"
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
        if not isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
            return ""
        inner = error.os_error if isinstance(error, aiohttp.ClientSSLError) else error
        reason, why = str(getattr(inner, "reason", "")), self._line(error)
        if any(name in reason for name in _VERSION):
            return f"no TLS version in common with {url} (tls.min_version is {tls.min_version}): {why}"
        if any(name in reason for name in _OURS):
            return f"{url} does not accept our client certificate (tls.cert_file): {why}"
        if any(name in reason for name in _CIPHER):
            return f"no TLS cipher or key in common with {url} (tls.ciphers, tls.min_version): {why}"
        return f"no TLS connection to {url} (is the port right?): {why}"

    def _of_zvm(self, error: Exception) -> str:
        url, why = self._settings.url, self._line(error)
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return f"the name of {url} cannot be resolved: {why}"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"no connection to {url} (is the port right?): {self._system(error)}"
        if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
            hint = " (does it expect https?)" if url.startswith("http://") else ""
            return f"{url} closed the connection before its answer{hint}: {why}"
        return f"{url}: no valid HTTP answer: {why}"

    def _system(self, error: aiohttp.ClientConnectorError) -> str:
        return os.strerror(error.errno) if error.errno else self._line(error)

    def _line(self, error: BaseException) -> str:
        text = " ".join(str(error).split())
        if isinstance(error, aiohttp.ClientResponseError):
            # Then aiohttp quotes a header, and may cut a secret in it short.
            text = text.partition(" when reading: ")[0]
        text = self._scrubber.beginning(text, _REASON).encode("utf-8", "backslashreplace").decode()
        return text or type(error).__name__
