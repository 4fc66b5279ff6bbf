"""Fragments: joined anyhow, they are the gzip file of their texts joined."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from exporter.fragments import Compressor, fragment, gzipped, join, plain

texts = st.lists(st.binary(max_size=3000), max_size=8)


@given(texts)
def test_joined_fragments_are_the_gzip_file_of_the_joined_texts(parts: list[bytes]) -> None:
    text = b"".join(parts)
    whole = join(map(fragment, parts))
    assert gzip.decompress(gzipped(whole)) == text
    assert plain(whole) == text
    assert (whole.size, whole.crc) == (len(text), zlib.crc32(text))


@given(texts, texts)
def test_a_joined_fragment_can_be_joined_again(first: list[bytes], second: list[bytes]) -> None:
    nested = join((join(map(fragment, first)), join(map(fragment, second))))
    assert gzip.decompress(gzipped(nested)) == b"".join(first + second)


@given(texts)
def test_a_text_that_comes_in_pieces_is_one_fragment(parts: list[bytes]) -> None:
    compressor = Compressor()
    for part in parts:
        compressor.write(part)
    made = compressor.finish()
    assert plain(made) == b"".join(parts)
    assert (made.size, made.crc) == (len(b"".join(parts)), zlib.crc32(b"".join(parts)))


def test_a_block_larger_than_the_window_is_whole() -> None:
    text = bytes(range(256)) * 4096
    assert gzip.decompress(gzipped(join([fragment(text), fragment(text)]))) == text * 2
