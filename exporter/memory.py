"""The C library's allocator, told to give back what was only needed while a poll ran. Knows nothing of polls.

glibc's has a heap for each thread, and each heap keeps the most that it was ever asked for. A poll allocates in turn
in all of them, so memory creeps up for hundreds of polls and ends at the sum: with 10,000 VMs a third more.
"""

from __future__ import annotations

import ctypes
from typing import Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX and M_MMAP_THRESHOLD of glibc's malloc.h
_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 2**20  # bytes; a mapping for each smaller block would cost more time than it saves memory


def share_one_heap() -> None:
    """Let all threads allocate in one heap, and large blocks outside it; before there is a second thread.

    They seldom allocate at once: they take turns in the interpreter. Left to itself glibc would raise the size from
    which a block is large, and then put whole answers into the heap, where what outlives them keeps it from shrinking.
    Another C library goes on as it is.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_MMAP_THRESHOLD, _LARGE)
