"""All threads share one heap of the C library, where it is glibc."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from exporter.memory import share_one_heap

COUNT_HEAPS = """
import ctypes, threading
from exporter.memory import share_one_heap

{first}
together = threading.Barrier(4)

def allocate():
    blocks = [bytes(5000) for _ in range(100)]
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a heap for each thread")
def test_threads_share_one_heap() -> None:
    assert heaps("pass") > 1
    assert heaps("share_one_heap()") == 1


def heaps(first: str) -> int:
    run = subprocess.run(
        [sys.executable, "-c", COUNT_HEAPS.format(first=first)], capture_output=True, text=True, check=True
    )
    return run.stdout.count("<heap nr=")


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    share_one_heap()
