"""Fragments: one after the other, they are the gzip file of their texts joined."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from support import plain

from exporter.prometheus.gzip import Stream, batches, fragment, gzipped, joined, plain_pieces, plain_size

texts = st.lists(st.binary(max_size=3000), max_size=8)


@given(texts)
def test_fragments_are_the_gzip_file_of_their_joined_texts(parts: list[bytes]) -> None:
    """Its trailer tells the checksum and the size, and gzip compares them."""
    text = b"".join(parts)
    fragments = [fragment(part) for part in parts]
    assert gzip.decompress(b"".join(gzipped(*fragments))) == text == plain(fragments)


@given(texts)
def test_fragments_of_one_stream_stand_alone_and_can_be_joined(parts: list[bytes]) -> None:
    stream = Stream()
    made = [stream.fragment(part) for part in parts]
    assert [plain([one]) for one in made] == parts
    whole = joined(made)
    assert plain([whole]) == b"".join(parts)
    assert (whole.size, whole.crc) == (len(b"".join(parts)), zlib.crc32(b"".join(parts)))


@given(texts, st.integers(1, 5000))
def test_a_file_is_unpacked_in_pieces_of_bounded_size_and_its_length_known_before(
    parts: list[bytes], most: int
) -> None:
    file = gzipped(*map(fragment, parts))
    for body in (file, (b"".join(file),)):
        pieces = list(plain_pieces(body, most))
        assert b"".join(pieces) == b"".join(parts)
        assert len(b"".join(parts)) == plain_size(body)
        assert all(0 < len(piece) <= most for piece in pieces)


def test_what_compresses_best_is_unpacked_in_pieces_too() -> None:
    """A thousand times as much text as there is of the file: all of it would come at once."""
    text = b"\n" * 2_000_000
    pieces = list(plain_pieces(gzipped(fragment(text)), 2**16))
    assert b"".join(pieces) == text
    assert max(map(len, pieces)) <= 2**16


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 100))
def test_pieces_are_joined_and_cut_to_what_is_worth_a_write(pieces: list[bytes], most: int) -> None:
    made = list(batches(pieces, most))
    assert b"".join(made) == b"".join(pieces)
    assert all(len(batch) <= most for batch in made)
    if all(len(piece) <= most for piece in pieces):
        assert all(len(one) + len(next_one) > most for one, next_one in pairwise(made))


def test_a_block_larger_than_the_window_is_whole() -> None:
    text = bytes(range(256)) * 4096
    assert gzip.decompress(b"".join(gzipped(fragment(text), fragment(text)))) == text * 2
