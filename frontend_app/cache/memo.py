"""What is remembered so that it need not be found out again: so many bytes of it, whatever strangers send."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

ENTRY_BYTES = 1000
"""What each takes beside the bytes that are counted, about: the objects, and the place in the table."""


class Memo(Generic[K, V]):
    """At most `size_bytes`: when they are full, it begins anew. Nothing larger than `largest_bytes` is kept.

    For one thread at a time. Whoever is in a hurry looks into `known`.
    """

    def __init__(self, size_bytes: int, largest_bytes: int) -> None:
        self.known: dict[K, V] = {}
        self.size_bytes = size_bytes
        self._largest_bytes = largest_bytes
        self._used_bytes = 0

    def keep(self, key: K, value: V, size_bytes: int) -> None:
        """`size_bytes` is the size of what a stranger has a say in: of the key, and of what the value holds."""
        if size_bytes > self._largest_bytes or key in self.known:
            return
        if self._used_bytes + size_bytes + ENTRY_BYTES > self.size_bytes:
            self.known.clear()
            self._used_bytes = 0
        self.known[key] = value
        self._used_bytes += size_bytes + ENTRY_BYTES
