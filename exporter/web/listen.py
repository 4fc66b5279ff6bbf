"""The addresses of `--web.listen-address`, read and bound."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_ADDRESS: Final = re.compile(r"(?:\[(?P<ipv6>[^][]+)\]|(?P<host>[^][:]*)):(?P<port>[0-9]{1,5})")


ALL_ADDRESSES: Final = frozenset({"", "::", "0.0.0.0"})  # noqa: S104 - what a user may ask for
"""Hosts that stand for every address of this machine: none of them is a name to connect to."""


@dataclass(frozen=True)
class Listener:
    """An address to listen on, as the user wrote it but for a port that was left to the system, and its sockets."""

    text: str
    sockets: tuple[socket.socket, ...]

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self.sockets[0].getsockname()[1])


class ListenError(Exception):
    """An address that cannot be listened on; the text names it and the reason."""


def host_and_port(address: str) -> tuple[str, int]:
    """Return the parts of *address*: `host:port`, `[::1]:port`, or `:port`, whose host is "".

    Raises:
        ListenError: it is no address.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise ListenError(f"--web.listen-address: expected host:port or :port, got {address!r}")
    return match["ipv6"] or match["host"], int(match["port"])


def listen(address: str, others: Sequence[str] = ()) -> Listener:
    """Bind *address*: `host:port`, `[::1]:port`, or `:port` or `[::]:port` for all addresses of both IP families.

    `[::]:port` leaves IPv4 to a `0.0.0.0:port` that is among the *others*.

    Raises:
        ListenError: it is no address, or it cannot be bound.
    """
    host, port = host_and_port(address)
    sockets: list[socket.socket] = []
    wanted = [(host, 0)]
    if host in {"", "::"}:
        wanted = [("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)]  # noqa: S104 - that is what they ask for
        if host and f"0.0.0.0:{port}" in others:
            wanted.pop(0)
    for name, family in wanted:
        try:
            bound = _bind(name, port, family)
        except UnicodeError as error:
            raise ListenError(f"--web.listen-address: {name!r} is no host name") from error
        except OSError as error:
            if sockets and error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                continue  # a machine without IPv6
            for other in sockets:
                other.close()
            raise ListenError(f"--web.listen-address: cannot listen on {address}: {error.strerror}") from error
        sockets.append(bound)
        port = bound.getsockname()[1]
    return Listener(f"{address.rpartition(':')[0]}:{port}", tuple(sockets))


def _bind(host: str, port: int, family: int) -> socket.socket:
    kind, flags = socket.SOCK_STREAM, socket.AI_PASSIVE
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, family=family, type=kind, flags=flags)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
