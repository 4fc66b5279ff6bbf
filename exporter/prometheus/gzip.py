"""Pieces of a gzip stream that are made once and sent often. RFC 1951 and 1952 say what that is.

A page consists of blocks of which few change at a time. Each block is compressed on its own, ended by a
full flush: so it stands on a byte boundary and refers to nothing before it, and any sequence of fragments
is a valid stream. The checksum of the whole follows from those of the parts, so that joining reads none of their bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from isal import isal_zlib as _zlib

_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK: Final = b"\x03\x00"  # deflate: a final block that holds nothing
_LEVEL: Final = 1  # level 6 takes twice the time to save a tenth of the bytes
_RAW: Final = -15
_GZIP: Final = 31
_STEP: Final = 2**14  # bytes that are decompressed at once: what is left of them is copied each time


@dataclass(frozen=True, slots=True)
class Fragment:
    """A compressed block: its deflate bytes, and of its plain text the length in bytes and the CRC-32."""

    data: bytes
    size: int
    crc: int


class Stream:
    """Compresses texts of which none refers to another.

    So all of a table take turns in one. Each with its own, of 170 kB, took 3.5 MB for every render, and what was kept
    of each lay between them and held those pages.
    """

    def __init__(self) -> None:
        self._stream = _zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)

    def fragment(self, text: bytes) -> Fragment:
        """Compress *text*, from one byte boundary to another."""
        data = self._stream.compress(text) + self._stream.flush(zlib.Z_FULL_FLUSH)
        return Fragment(data, len(text), _zlib.crc32(text))


def fragment(text: bytes) -> Fragment:
    """Compress *text*, a block that may stand anywhere on a page."""
    return Stream().fragment(text)


def joined(parts: Sequence[Fragment]) -> Fragment:
    """Return *parts*, one after the other, as one."""
    size, crc = _together(parts)
    return Fragment(b"".join(part.data for part in parts), size, crc)


def gzipped(*parts: Fragment) -> tuple[bytes, ...]:
    """Return *parts*, one after the other, as a gzip file in pieces: nothing is copied."""
    size, crc = _together(parts)
    trailer = crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return (_HEADER, *[part.data for part in parts], _LAST_BLOCK + trailer)


def unzipped(pieces: Iterable[bytes]) -> bytes:
    """Return the text of a gzip file that `gzipped` made."""
    return _zlib.decompress(b"".join(pieces), _GZIP)


def plain_size(pieces: Sequence[bytes]) -> int:
    """Return how many bytes the text of a gzip file has that `gzipped` made, if it has less than 4 GiB."""
    return int.from_bytes(pieces[-1][-4:], "little")


def plain_pieces(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Yield the text of a gzip file that `gzipped` made, at most *most* bytes at once: it is nowhere as a whole."""
    stream = _zlib.decompressobj(_GZIP)
    for batch in batches(pieces, _STEP):
        rest: bytes | memoryview = batch
        while rest:
            text = stream.decompress(rest, most)
            rest = stream.unconsumed_tail
            if text:
                yield text
    text = stream.flush()
    if text:
        yield text


def batches(pieces: Iterable[bytes], most: int) -> Iterator[bytes | memoryview]:
    """Yield *pieces* in others that are worth a write each: small ones joined, large ones cut to *most* bytes."""
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        if size and size + len(piece) > most:
            yield b"".join(small)
            small, size = [], 0
        if len(piece) <= most:
            small.append(piece)
            size += len(piece)
            continue
        whole = memoryview(piece)
        for start in range(0, len(whole), most):
            yield whole[start : start + most]
    if small:
        yield b"".join(small)


def _together(parts: Iterable[Fragment]) -> tuple[int, int]:
    """Return the size and the checksum of the texts of *parts*, one after the other."""
    size, crc = 0, 0
    for part in parts:
        size += part.size
        crc = _zlib.crc32_combine(crc, part.crc, part.size)
    return size, crc
