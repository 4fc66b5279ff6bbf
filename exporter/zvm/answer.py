"""An HTTP answer, read within limits: of bytes, however much they were compressed, and of what is quoted of it."""

from __future__ import annotations

import asyncio
import codecs
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from exporter.zvm.errors import DecodeError, TooLargeError
from exporter.zvm.login.secrets import Scrubber

QUOTED: Final = 100  # bytes of a body, or characters of a header, that an error may show

_ERROR_BODY: Final = 2**16
_QUOTED_FROM: Final = 2**15
_PIECE: Final = 2**20  # bytes; more are not decompressed at once
_GZIP: Final = 31


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whatever its status. `quote` is the start of its body, without secrets.

    `at` is the middle of its request, from when it was sent to when its answer began: seconds since the epoch.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | bytearray = field(repr=False)
    quote: str
    at: float = 0.0

    @property
    def content_type(self) -> str:
        """The header Content-Type, "" where there is none."""
        return self.headers.get("Content-Type", "")


async def read(
    response: aiohttp.ClientResponse,
    limit: int,
    limit_is: str,
    what: str,
    scrubber: Scrubber,
    grown: Callable[[int], Awaitable[None]] | None = None,
) -> Answer:
    """Return *response* with its body, at most *limit* bytes of it after decompression; *what* was asked for.

    *limit_is* says in words what the limit is. *grown* is told how many bytes there are by now, and may take its time.

    Of an answer that is no success the body only serves to explain it: as much is kept as can be read.

    Raises:
        TooLargeError: it has more.
        DecodeError: it is cut off, or encoded in a way that was not asked for.
    """
    body = bytearray()
    good = response.status == 200
    try:
        async for piece in _plain(response, what):
            body += piece
            if not good and len(body) > _ERROR_BODY:
                break
            if len(body) > limit:
                raise TooLargeError(f"{what}: the answer is larger than {limit_is}, {limit} bytes")
            if grown is not None:
                await grown(len(body))
    except DecodeError:
        if good:
            raise
    return Answer(response.status, response.headers, body, _quote(response, body, scrubber))


def _quote(response: aiohttp.ClientResponse, body: bytearray, scrubber: Scrubber) -> str:
    if 300 <= response.status < 400:
        return f"a redirect to {scrubber.beginning(response.headers.get('Location', ''), QUOTED)!r} is not followed"
    content_type = scrubber.beginning(response.headers.get("Content-Type", "no content type"), QUOTED)
    content_type = content_type.encode("ascii", "backslashreplace").decode()
    if not body:
        return f"{content_type}, empty body"
    # A character of which the last byte would be too much is not quoted.
    length = len(codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(body[:QUOTED])))
    text = scrubber.beginning(body[:_QUOTED_FROM].decode("utf-8", "replace"), length)
    return f"{content_type}, {len(body)} bytes: {text!r}"


async def _plain(response: aiohttp.ClientResponse, what: str) -> AsyncIterator[bytes]:
    """Yield the body, decompressed, in pieces."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise DecodeError(f"{what}: a Content-Encoding that was not asked for: {encoding[:20]!a}")
    gzip = _Gzip() if encoding.endswith("gzip") else None
    try:
        async for chunk in response.content.iter_any():
            if gzip is None:
                yield chunk
                continue
            for piece in gzip.pieces(chunk):
                yield piece
                await asyncio.sleep(0)  # a chunk may hold a thousand times its size
    except aiohttp.ClientPayloadError as error:
        raise DecodeError(f"{what}: the answer is cut off") from error
    except zlib.error as error:
        raise DecodeError(f"{what}: broken gzip: {error}") from error
    if gzip is not None and not gzip.whole:
        raise DecodeError(f"{what}: the answer is cut off: its gzip stream does not end")


class _Gzip:
    """Decompresses a gzip file (RFC 1952), which may have several members."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=_GZIP)
        self.whole = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* decompresses to, at most _PIECE bytes at a time; raises zlib.error."""
        while data:
            self.whole = False
            piece = self._member.decompress(data, _PIECE)
            yield piece
            data = self._member.unconsumed_tail
            if self._member.eof:
                data, self.whole = self._member.unused_data, True
                self._member = zlib.decompressobj(wbits=_GZIP)
