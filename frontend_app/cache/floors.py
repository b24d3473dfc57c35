"""The lowest log position that a key's entry may come from: what makes an old entry a miss."""

from collections.abc import Iterable


class Floors:
    """A floor per key, and one base under all.

    Bounded: beyond `limit` keys the lower half is forgotten and the base raised to the highest of those, which
    costs misses and never a stale answer. Raising is not thread-safe, the owner has a lock; asking is: it may come at
    any moment of another thread's raising, and then gets the floor before or after it, never a lower one.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self.limit = limit
        self.base = 0
        self._of_key: dict[str, int] = {}

    def of(self, key: str) -> int:
        # The key first, the base afterwards: whoever forgets keys raises the base before.
        floor = self._of_key.get(key, 0)
        return floor if floor > self.base else self.base

    def raise_keys(self, position: int, keys: Iterable[str]) -> None:
        for key in keys:
            if position > self.of(key):
                self._of_key[key] = position
        if len(self._of_key) > self.limit:
            self._forget_lower_half()

    def lower_keys(self, position: int, keys: Iterable[str]) -> None:
        """Only for floors that were raised for a change that never happened."""
        for key in keys:
            if self._of_key.get(key, 0) > position:
                self._of_key[key] = position

    def raise_base(self, position: int) -> None:
        self.base = max(self.base, position)

    def __len__(self) -> int:
        return len(self._of_key)

    def _forget_lower_half(self) -> None:
        cut = sorted(self._of_key.values())[len(self._of_key) // 2]
        self.raise_base(cut)
        self._of_key = {key: floor for key, floor in self._of_key.items() if floor > cut}
