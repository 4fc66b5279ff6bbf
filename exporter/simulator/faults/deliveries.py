"""Ways in which an answer's bytes go wrong between a server and its client.

Each takes the call and the answer as it would have been, and sends something else. They know bytes, chunks and sockets
and nothing of what the bytes say.
"""

import asyncio
import gzip as gzip_module
import re
import socket
import struct
import zlib
from dataclasses import replace
from typing import Final

from aiohttp import web

from exporter.simulator.exchange import Call, Payload

_MIB: Final = 1 << 20
_FLOOD: Final = 10_000  # records
_NUMBER: Final = re.compile(rb'(?<=":)-?\d+(\.\d+)?')
_TEXT: Final = re.compile(rb'(?<=Name":")')
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


async def slow(
    call: Call, payload: Payload, chunk: int, seconds: float, gate: asyncio.Event | None
) -> web.StreamResponse:
    """The body in chunks with a pause between, or all but a first chunk, at most half, held back by the gate."""
    if gate is not None:
        chunk = max(1, min(chunk, len(payload.body) // 2))
        # An answer without a body has nothing to be held back but itself.
        if not payload.body:
            await gate.wait()
    response = await call.begin(payload, {"Content-Length": str(len(payload.body))})
    for start in range(0, len(payload.body), chunk):
        if start:
            await (asyncio.sleep(seconds) if gate is None else gate.wait())
        await response.write(payload.body[start : start + chunk])
    return response


async def reset(call: Call, payload: Payload) -> web.StreamResponse:
    """Half of the body, then a TCP RST."""
    response = await call.begin(payload, {"Content-Length": str(len(payload.body) + 1)})
    await response.write(payload.body[: len(payload.body) // 2])
    transport = call.request.transport
    if transport is not None:
        # Closing a socket that lingers for no time sends RST instead of FIN.
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return response


async def short(call: Call, payload: Payload) -> web.StreamResponse:
    """Half of the body that Content-Length promises, then an orderly close."""
    response = await call.begin(payload, {"Content-Length": str(len(payload.body) + 1)})
    response.force_close()
    await response.write(payload.body[: len(payload.body) // 2])
    return response


async def truncated(call: Call, payload: Payload) -> web.StreamResponse:
    """A whole and valid message whose body stops in the middle."""
    return await call.send(replace(payload, body=payload.body[: len(payload.body) * 3 // 5]))


async def nan(call: Call, payload: Payload) -> web.StreamResponse:
    """A bare NaN for the first number, which JSON does not have."""
    body, found = _NUMBER.subn(b"NaN", payload.body, count=1)
    return await call.send(replace(payload, body=body if found else b"[NaN]"))


async def invalid_utf8(call: Call, payload: Payload, junk: bytes) -> web.StreamResponse:
    """Bytes that are no UTF-8, at the beginning of the first name."""
    body, found = _TEXT.subn(lambda _: junk, payload.body, count=1)
    return await call.send(replace(payload, body=body if found else b'["' + junk + b'"]'))


async def gzip(call: Call, payload: Payload) -> web.StreamResponse:
    """The answer as it is, compressed, whether it was asked for or not."""
    packed = gzip_module.compress(payload.body, compresslevel=1)
    return await call.send(replace(payload, body=packed, headers={**payload.headers, "Content-Encoding": "gzip"}))


async def endless(call: Call) -> web.StreamResponse:
    """A list that never closes, in chunks; only the client's leaving ends it."""
    response = await call.begin(Payload(200, b"["))
    await response.write(b"[")
    record = b'{"VmIdentifier":"endless.vm-1","VpgIdentifier":"endless","VmName":"endless"},' * 512
    while True:
        await response.write(record)
        # A client in the same loop would otherwise never get to read.
        await asyncio.sleep(0)


async def bomb(call: Call, size: int) -> web.StreamResponse:
    """An empty list with so many bytes of white space in it, which gzip makes a thousandth of."""
    return await _repeated(call, b"[", b" " * _MIB, -(-size // _MIB))


async def flood(call: Call, records: int) -> web.StreamResponse:
    """A list of about so many empty objects, which gzip makes a hundredth of, or less."""
    return await _repeated(call, b"[{}", b",{}" * _FLOOD, -(-records // _FLOOD))


async def _repeated(call: Call, start: bytes, block: bytes, times: int) -> web.StreamResponse:
    """A list that is one block over and over.

    It is compressed once, up to a full flush, and sent so many times: neither end of it is ever whole here.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    opening = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    closing = packer.compress(b"]") + packer.flush(zlib.Z_FINISH)
    response = await call.begin(Payload(200, b"["), {"Content-Encoding": "gzip"})
    await response.write(_GZIP_HEAD + opening)
    checksum = zlib.crc32(start)
    for _ in range(times):
        await response.write(packed)
        checksum = zlib.crc32(block, checksum)
        await asyncio.sleep(0)
    length = (len(start) + times * len(block) + 1) & 0xFFFFFFFF
    await response.write(closing + struct.pack("<II", zlib.crc32(b"]", checksum), length))
    return response
