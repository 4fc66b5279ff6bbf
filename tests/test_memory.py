"""Memory that is given back while the answer in it is still being read."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from exporter.malloc import spent

MIB = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")
def test_the_start_of_a_buffer_is_given_back_and_nothing_behind_it() -> None:
    body = bytearray(b"x" * (8 * MIB))
    give = spent(body)
    give(MIB // 2)
    assert body.count(b"x") == 8 * MIB
    for place in (3 * MIB, 3 * MIB + 5):
        give(place)
        kept = body.count(b"x")
        assert body.endswith(b"x" * (5 * MIB))
        assert 5 * MIB <= kept < 5.5 * MIB
    with pytest.raises(BufferError):
        body += b"more"
    give(9 * MIB)
    assert body.count(b"x") < MIB // 2
    del give
    body += b"more"
    assert body.endswith(b"more")


@pytest.mark.parametrize("body", [b"x" * 8 * MIB, bytearray()])
def test_what_cannot_be_given_back_is_kept(body: bytes | bytearray) -> None:
    before = bytes(body)
    spent(body)(len(body))
    assert body == before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no other C library is told to")
def test_what_is_free_in_the_heap_is_given_back_where_it_is_much() -> None:
    """In a process of its own, as in this one others free and take memory."""
    script = (
        "from exporter.malloc import share_one_heap, trim\n"
        "def resident(): return int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "share_one_heap()\n"
        "few = [bytes(2000) for _ in range(4000)]\n"
        "last = bytes(2000)\n"
        "few.clear()\n"
        "before = resident()\n"
        "trim()\n"
        "assert resident() > before - 2**20\n"
        "many = [bytes(2000) for _ in range(40_000)]\n"
        "last = bytes(2000), bytes(2000)\n"
        "many.clear()\n"
        "before = resident()\n"
        "trim()\n"
        "assert resident() < before - 60 * 2**20, (before, resident())\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
