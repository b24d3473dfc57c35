"""When Python looks for garbage in a node: seldom, and not among what was loaded.

Python counts objects, and a refused body of a mebibyte may be one of a few hundred that refer to one another: tens of
them would lie about before anybody looks. So bodies are counted here, in bytes.
"""

import ctypes
import gc
from contextlib import suppress

MOST_BYTES = 4 * 1024 * 1024
"""Of bodies that were read since garbage was looked for last. What is made of a body may be some times as large."""
_LARGE_BYTES = 256 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def settle_in() -> None:
    """Once all is loaded: that stays for good, and the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    # What a request leaves behind goes without the collector: it need not look after every few of them.
    gc.set_threshold(20_000, 20, 20)
    _give_large_memory_back()


def _give_large_memory_back() -> None:
    """Has each large piece go back to the system once it is free. (man 3 mallopt: else the threshold grows with use.)

    Where the C library is another one, nothing happens.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES)


class Bodies:
    """How many bytes of bodies may be garbage by now. Belongs to one event loop: not thread-safe."""

    def __init__(self) -> None:
        self._bytes = 0

    def read(self, size: int) -> None:
        """Counts a body that was read just now; if there were many bytes before it, they are looked for."""
        if self._bytes >= MOST_BYTES:
            gc.collect()
            self._bytes = 0
        self._bytes += size
