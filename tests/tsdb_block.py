"""Blocks of a Prometheus database, written straight: months of samples of 400,000 series in seconds.

Series whose values go the same way share their chunks on disk, so that a block is little more than its index. The
formats are those of Prometheus's tsdb/docs/format: index version 2, chunks version 1 with XOR encoding.
"""

from __future__ import annotations

import json
import os
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import google_crc32c

Labels = tuple[tuple[str, str], ...]

SAMPLES_OF_A_CHUNK: Final = 120
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _checksum(data: bytes) -> bytes:
    return struct.pack(">I", google_crc32c.value(data))


def uvarint(number: int) -> bytes:
    """Return *number* in seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _varint(number: int) -> bytes:
    return uvarint(number << 1 if number >= 0 else (-number << 1) - 1)


def _text(text: bytes) -> bytes:
    return uvarint(len(text)) + text


class Block:
    """A block that is being written in *folder*: samples every *step* milliseconds from *start* to before *end*.

    Times are in milliseconds since the epoch; the samples' number is a multiple of those of a chunk.
    """

    def __init__(self, folder: Path, start: int, end: int, step: int) -> None:
        self._span = SAMPLES_OF_A_CHUNK * step
        if (end - start) % self._span:
            raise ValueError(f"expected a multiple of {self._span} ms, got {end - start}")
        self.start, self.step = start, step
        self._starts = range(start, end, self._span)
        self._end = end
        self._ulid = "".join(_ALPHABET[byte & 31] for byte in b"\0\0" + os.urandom(24))
        self._folder = folder / self._ulid
        (self._folder / "chunks").mkdir(parents=True)
        self._chunks = bytearray(struct.pack(">IB3x", 0x85BD40DD, 1))
        self._series: list[tuple[Labels, bytes]] = []

    def add(self, labels: Labels, way: bytes) -> None:
        """Add a series with *labels*, sorted by name, whose values go the *way* that `repeated` or `each` returned."""
        self._series.append((labels, way))

    def repeated(self, values: Sequence[float]) -> bytes:
        """Return the way of *values*, as many as are in a chunk, again and again."""
        return self._way([_bits(values)] * len(self._starts))

    def each(self, value: Callable[[int], float]) -> bytes:
        """Return the way of *value* at each time."""
        step = self.step
        return self._way(
            [_bits([value(start + at * step) for at in range(SAMPLES_OF_A_CHUNK)]) for start in self._starts]
        )

    def _way(self, chunks: Iterable[tuple[float, str]]) -> bytes:
        """Write *chunks*, a first value and the bits of the others each; return what a series says of them."""
        listed, last, end = [uvarint(len(self._starts))], 0, 0
        for number, (start, (first, bits)) in enumerate(zip(self._starts, chunks, strict=True)):
            padded = bits + "0" * (-len(bits) % 8)
            data = struct.pack(">H", SAMPLES_OF_A_CHUNK) + _varint(start) + struct.pack(">d", first)
            # The second sample has its distance from the first, the others none: it stays as it is.
            data += uvarint(self.step) + int(padded, 2).to_bytes(len(padded) // 8, "big")
            at = len(self._chunks)
            self._chunks += uvarint(len(data)) + b"\1" + data + _checksum(b"\1" + data)
            listed.append(_varint(start) if number == 0 else uvarint(start - end))
            listed.append(uvarint(self._span - self.step))
            listed.append(uvarint(at) if number == 0 else _varint(at - last))
            last, end = at, start + self._span - self.step
        return b"".join(listed)

    def close(self) -> None:
        """Write the files."""
        self._series.sort()
        (self._folder / "chunks" / "000001").write_bytes(self._chunks)
        (self._folder / "index").write_bytes(_index(self._series))
        chunks = len(self._series) * len(self._starts)
        stats = {
            "numSamples": chunks * SAMPLES_OF_A_CHUNK,
            "numSeries": len(self._series),
            "numChunks": chunks,
        }
        meta = {
            "ulid": self._ulid,
            "minTime": self.start,
            "maxTime": self._end,
            "stats": stats,
            "compaction": {"level": 1, "sources": [self._ulid]},
            "version": 1,
        }
        (self._folder / "meta.json").write_text(json.dumps(meta))


def _bits(values: Sequence[float]) -> tuple[float, str]:
    """Return the first of *values*, and the others as bits: each is XORed with the one before it."""
    if values.count(values[0]) == len(values):
        return values[0], "0" * (2 * len(values) - 3)
    pieces: list[str] = []
    before = struct.unpack(">Q", struct.pack(">d", values[0]))[0]
    leading, trailing = 65, 0
    for number, value in enumerate(values[1:]):
        if number:
            pieces.append("0")  # as long after the last one as that one was
        now = struct.unpack(">Q", struct.pack(">d", value))[0]
        xor, before = now ^ before, now
        if not xor:
            pieces.append("0")
            continue
        zeros = min(64 - xor.bit_length(), 31)
        behind = (xor & -xor).bit_length() - 1
        if leading <= zeros and trailing <= behind:
            pieces.append("10")
        else:
            leading, trailing = zeros, behind
            pieces.append(f"11{leading:05b}{(64 - leading - trailing) & 63:06b}")
        pieces.append(f"{xor >> trailing:0{64 - leading - trailing}b}")
    return values[0], "".join(pieces)


def _index(series: Sequence[tuple[Labels, bytes]]) -> bytes:
    symbols = sorted({text.encode() for labels, _ in series for text in chain.from_iterable(labels)})
    number = {symbol.decode(): place for place, symbol in enumerate(symbols)}
    out = bytearray(struct.pack(">IB", 0xBAAAD700, 2))
    places = [len(out)]
    _section(out, struct.pack(">I", len(symbols)) + b"".join(map(_text, symbols)))
    places.append(len(out))
    postings = _write_series(out, series, number)
    places += [len(out), len(out)]  # the indices of labels' values, which nobody reads any more, and their table
    _section(out, struct.pack(">I", 0))
    places.append(len(out))
    table = _write_postings(out, postings)
    places.append(len(out))
    _section(out, struct.pack(">I", len(postings)) + table)
    contents = struct.pack(">6Q", *places)
    return bytes(out + contents + _checksum(contents))


def _section(out: bytearray, contents: bytes) -> None:
    out += struct.pack(">I", len(contents)) + contents + _checksum(contents)


def _write_series(
    out: bytearray, series: Sequence[tuple[Labels, bytes]], number: Mapping[str, int]
) -> dict[tuple[str, str], list[int]]:
    """Append the *series* to *out*; return which of them have a label, by label."""
    references = {text: uvarint(place) for text, place in number.items()}
    everything: list[int] = []
    having: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for labels, way in series:
        out += bytes(-len(out) % 16)
        reference = len(out) // 16
        everything.append(reference)
        for label in labels:
            having[label].append(reference)
        named = b"".join([references[text] for text in chain.from_iterable(labels)])
        contents = uvarint(len(labels)) + named + way
        out += uvarint(len(contents)) + contents + _checksum(contents)
    return {("", ""): everything, **dict(sorted(having.items()))}


def _write_postings(out: bytearray, postings: Mapping[tuple[str, str], list[int]]) -> bytes:
    """Append the *postings* to *out*; return the table of their places."""
    table = bytearray()
    for (name, value), references in postings.items():
        out += bytes(-len(out) % 4)
        table += b"\2" + _text(name.encode()) + _text(value.encode()) + uvarint(len(out))
        _section(out, struct.pack(f">{len(references) + 1}I", len(references), *references))
    return bytes(table)
