"""Samples for a running Prometheus: the protocol "remote write" 1.0, by hand, for it is small.

A request is a list of series (field 1); a series has labels (field 1: name 1, value 2) and samples (field 2).
"""

from __future__ import annotations

import http.client
import struct

from tsdb_block import uvarint

_AT_ONCE = 1 << 16  # bytes of a literal, in the format of snappy


def field(number: int, contents: bytes) -> bytes:
    """Return a field of protobuf that holds *contents*."""
    return uvarint(number << 3 | 2) + uvarint(len(contents)) + contents


def sample(value: float, time: int) -> bytes:
    """Return a sample of a *time* in milliseconds since the epoch."""
    return b"\x09" + struct.pack("<d", value) + b"\x10" + uvarint(time)


def write_remotely(port: int, request: bytes) -> None:
    """Send a *request* to the Prometheus at *port*; it is written as snappy has it, but not made smaller."""
    parts = [request[start : start + _AT_ONCE] for start in range(0, len(request), _AT_ONCE)]
    body = uvarint(len(request)) + b"".join(b"\xf4" + struct.pack("<H", len(part) - 1) + part for part in parts)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/api/v1/write", body, {"Content-Encoding": "snappy"})
        response = connection.getresponse()
        said = response.read()
        if response.status != http.client.NO_CONTENT:
            raise RuntimeError(f"{response.status}: {said[:500]!r}")
    finally:
        connection.close()
