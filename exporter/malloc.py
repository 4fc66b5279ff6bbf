"""Memory given back to the system that was only needed while a poll ran.

glibc's allocator has a heap for each thread, and each heap keeps the most that it was ever asked for. A poll allocates
in turn in all of them, so memory creeps up for hundreds of polls and ends at the sum: with 10,000 VMs a third more.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable
from typing import Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX and M_MMAP_THRESHOLD of glibc's malloc.h
_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 2**20  # bytes; a mapping for each smaller block would cost more time than it saves memory
_MUCH: Final = 32 * 2**20  # bytes; usual polls leave less behind, and are not slowed down
_DONTNEED: Final = 4  # MADV_DONTNEED of Linux' mman.h


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


class _Info(ctypes.Structure):
    """What glibc's mallinfo2 returns; `fordblks` are the bytes of the heap that are free."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def trim() -> None:
    """Give back what is free in the heap, if it is much, as after a large answer: the next one may take other blocks.

    Another C library, and an old one, goes on as it is.
    """
    try:
        library = ctypes.CDLL(None)
        info, give = library.mallinfo2, library.malloc_trim
    except (AttributeError, OSError):
        return
    info.restype = _Info
    if info().fordblks > _MUCH:
        give(0)


def spent(buffer: bytes | bytearray) -> Callable[[int], None]:
    """Return what gives the memory back that *buffer* has before a place: nothing but zeros is there from then on.

    Python can make a bytearray shorter, but to give back its start it copies the rest. As long as what is returned
    exists, *buffer* cannot be resized. Of bytes, and on another system than Linux, nothing is given back.
    """
    if not isinstance(buffer, bytearray) or not buffer or sys.platform != "linux":
        return _kept
    held = ctypes.c_char.from_buffer(buffer)
    address, madvise = ctypes.addressof(held), ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    given = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE  # only whole pages are ours to give

    def give(place: int) -> None:
        nonlocal given
        end = (ctypes.addressof(held) + min(place, len(buffer))) // mmap.PAGESIZE * mmap.PAGESIZE
        if end - given >= _LARGE:
            madvise(given, end - given, _DONTNEED)
            given = end

    return give


def _kept(_place: int) -> None:
    """Give nothing back."""
