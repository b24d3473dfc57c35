"""Who holds which lock of a server: one alone, or several that share it."""

from typing import Protocol


class Holder(Protocol):
    service: str
    held: set[str]


class Locks:
    def __init__(self) -> None:
        self._holders: dict[tuple[str, str], list[Holder]] = {}
        self._shared: set[tuple[str, str]] = set()

    def take(self, holder: Holder, lock: str, is_shared: bool) -> bool:
        """Whether it has the lock from now on."""
        key = holder.service, lock
        others = self._holders.setdefault(key, [])
        if others and not (is_shared and key in self._shared):
            return False
        others.append(holder)
        holder.held.add(lock)
        (self._shared.add if is_shared else self._shared.discard)(key)
        return True

    def free(self, holder: Holder) -> None:
        """All that it holds."""
        for lock in holder.held:
            self._holders[holder.service, lock].remove(holder)
        holder.held.clear()
