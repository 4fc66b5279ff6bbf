"""Pieces of a gzip stream that are made once and sent often. Knows gzip (RFC 1951, 1952), nothing else.

A page consists of blocks of which few change at a time. Each block is compressed on its own, ended by a
full flush: so it stands on a byte boundary and refers to nothing before it, and any sequence of fragments
is a valid stream. The checksum of the whole follows from those of the parts, so that joining reads none of their bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

try:
    from isal import isal_zlib as _zlib
except ImportError:
    import zlib as _zlib  # type: ignore[no-redef] # one name for either: the same interface, slower

FAST: Final = _zlib.__name__ != "zlib"

_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK: Final = b"\x03\x00"  # deflate: a final block that holds nothing
_LEVEL: Final = 1  # level 6 takes twice the time to save a tenth of the bytes
_RAW: Final = -15
_GZIP: Final = 31
_STEP: Final = 2**14  # bytes that are decompressed at once: what is left of them is copied each time
_POLYNOMIAL: Final = 0xEDB88320
_ONE: Final = 1 << 31  # the polynomial 1 in zlib's reflected order


@dataclass(frozen=True, slots=True)
class Fragment:
    """A compressed block: its deflate bytes, and of its plain text the length in bytes and the CRC-32."""

    data: bytes
    size: int
    crc: int


class Stream:
    """Compresses pieces of which none refers to another.

    So a table's metrics take turns in one. Each with its own, of 170 kB, took 3.5 MB for every render, and what was
    kept of each lay between them and held those pages.
    """

    def __init__(self) -> None:
        self._stream = _zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)

    def compress(self, text: bytes) -> bytes:
        """Return the deflate bytes of *text*, from one byte boundary to another."""
        return self._stream.compress(text) + self._stream.flush(zlib.Z_FULL_FLUSH)


class Compressor:
    """Makes a fragment of a text that comes in pieces, each compressed on its own; *stream* may have other users."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._parts: list[bytes] = []
        self._size = 0
        self._crc = 0

    def write(self, text: bytes) -> None:
        """Append *text*."""
        self._parts.append(self._stream.compress(text))
        self._size += len(text)
        self._crc = _zlib.crc32(text, self._crc)

    def finish(self) -> Fragment:
        """Return the fragment of all that was written; nothing can be written after."""
        return Fragment(b"".join(self._parts), self._size, self._crc)


def fragment(text: bytes) -> Fragment:
    """Compress *text*, a block that may stand anywhere on a page."""
    compressor = Compressor(Stream())
    compressor.write(text)
    return compressor.finish()


def gzipped(*parts: Fragment) -> tuple[bytes, ...]:
    """Return *parts*, one after the other, as a gzip file in pieces: nothing is copied."""
    size, crc = 0, 0
    for part in parts:
        size += part.size
        crc = _combine(crc, part.crc, part.size)
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


def _combine_slowly(first: int, second: int, size: int) -> int:
    """Return the CRC-32 of two texts from those of each and the *size* of the second in bytes, as zlib's C does."""
    return _multiply(_shift(size), first) ^ second


_combine: Final = _zlib.crc32_combine if FAST else _combine_slowly  # Python's zlib does not have it


def _multiply(a: int, b: int) -> int:
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


def _squares() -> list[int]:
    powers = [1 << 23]  # x^8: one byte
    for _ in range(63):
        powers.append(_multiply(powers[-1], powers[-1]))
    return powers


_POWERS: Final = _squares()  # x^(8 * 2^n)


@lru_cache(maxsize=2**14)  # most blocks have the size that they had before
def _shift(size: int) -> int:
    """Return x^(8 * size) modulo the polynomial: what carries an earlier checksum over a block of *size* bytes."""
    shift = _ONE
    for bit in range(size.bit_length()):
        if size >> bit & 1:
            shift = _multiply(_POWERS[bit], shift)
    return shift
