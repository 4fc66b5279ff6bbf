"""The proxy between us and one ZVM, if there is one, as aiohttp's requests are told of it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp.hdrs import PROXY_AUTHORIZATION
from yarl import URL

from exporter.zvm.errors import ConnectError, SecretError
from exporter.zvm.login.secrets import Scrubber, basic, read_secret
from exporter.zvm.settings import DIRECT, Settings


class Proxy:
    """The proxy of one ZVM; `url` is None where there is none."""

    def __init__(self, settings: Settings, scrubber: Scrubber) -> None:
        """Teach *scrubber* what the proxy's password is."""
        self.url: Final = URL(settings.proxy_url) if settings.proxy_url not in {None, DIRECT} else None
        self._auth = settings.proxy_auth
        self._tunnels = settings.encrypted
        self._scrubber = scrubber
        scrubber.learn(settings.proxy_auth.password)

    def options(self) -> dict[str, Any]:
        """Return what a request must be sent with to go through the proxy.

        Raises:
            ConnectError: the password cannot be read.
        """
        if self.url is None:
            return {}
        if self._auth.username is None:
            return {"proxy": self.url}
        try:
            password = read_secret("password", self._auth.password, self._auth.password_file)
        except SecretError as error:
            raise ConnectError(f"proxy_{error}") from error  # its text begins with auth.
        authorization = basic(self._auth.username, password)
        self._scrubber.learn(password, authorization.removeprefix("Basic "))
        # The tunnel is asked for with headers of its own; without TLS the proxy reads those of the request itself.
        key = "proxy_headers" if self._tunnels else "headers"
        return {"proxy": self.url, key: {PROXY_AUTHORIZATION: authorization}}
