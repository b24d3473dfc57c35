"""What a fault cost those who wrote, read, bought and looked, and whether that was too much."""

from dataclasses import dataclass, field

STEPS = 5
"""So many programs act one after another until what was lost is replaced; each may be as late as that thread."""
REPEATS = 1
"""So often may a purchase be asked for in vain, once others are answered again."""


@dataclass(frozen=True)
class Taken:
    """What half of the answers took at most, in a part of a run."""

    purchase_s: float
    look_s: float
    hit_s: float
    hits: int

    def __str__(self) -> str:
        return (
            f"a purchase takes {self.purchase_s * 1000:.0f} ms, a look {self.look_s * 1000:.0f} ms, "
            f"one of {self.hits} hits {self.hit_s * 1000:.0f} ms"
        )


@dataclass
class Loss:
    """What losing something cost: seconds without an answer of each kind."""

    what: str
    writes_s: float
    reads_s: float
    purchases_s: float
    looks_s: float
    back_s: float
    """So long may it have cost where no program waits for a processor."""
    late_s: float
    """By how much a thread that only sleeps was woken too late meanwhile, at most."""
    repeats: int
    """How often a purchase was asked for in vain, at most, after the first one that was answered again."""
    usual: Taken
    meanwhile: Taken
    again_whole_s: float = 0.0
    failed: list[str] = field(default_factory=list)
    """Requests of customers, of a fault that none of them shall notice."""

    @property
    def limit_s(self) -> float:
        return self.back_s + STEPS * self.late_s

    def excess(self) -> list[str]:
        """What took longer than it may, in words. `limit_s` allows for a machine that was busy or slow."""
        longest_s = max(self.writes_s, self.reads_s, self.purchases_s, self.looks_s)
        found = [f"longer than {self.limit_s:.1f} s: {self}"] if longest_s > self.limit_s else []
        if self.repeats > REPEATS:
            found.append(f"asked for {self.repeats} times in vain while others could buy: {self}")
        return found

    def __str__(self) -> str:
        gone = (
            f"no row written for {self.writes_s:.1f} s, read for {self.reads_s:.1f} s, "
            f"no purchase for {self.purchases_s:.1f} s, no look at a book for {self.looks_s:.1f} s"
        )
        limit = f"aim {self.back_s:g} s, an idle thread {self.late_s:.2f} s late"
        again = f"whole {self.again_whole_s:.1f} s after its return"
        return f"{self.what}: {gone} ({limit}), {again}; {self.meanwhile} (before: {self.usual})"
