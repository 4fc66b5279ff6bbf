"""Whether the exporter on this machine answers: what a container's health check runs. Sends no secret."""

from __future__ import annotations

import http.client
import ssl
from typing import Final

_SECONDS: Final = 5.0
_HEALTHY: Final = frozenset({200, 401, 403})  # whoever asks for a login is alive


def problem(host: str, port: int, path: str, *, tls: bool) -> str:
    """Ask for *path*, that of `/-/healthy`, at *host* and *port*; return what is wrong, "" if nothing."""
    if tls:
        # It is this machine's own server, by another name than its certificate has; an expired one is another alert's.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer from {host}:{port}: {getattr(error, 'strerror', None) or type(error).__name__}"
    finally:
        connection.close()
    return "" if status in _HEALTHY else f"HTTP {status} from {host}:{port}"
