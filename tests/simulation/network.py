"""The network between the nodes: how long a message takes, and whether it arrives at all."""

import random
from dataclasses import dataclass, field

FASTEST_NS, SLOWEST_NS = 50_000, 400_000
"""Of a message on a network that is well."""


@dataclass
class Network:
    """Who hears whom. A message that is lost is never answered: who waits for it does so in vain."""

    chance: random.Random
    lost: float = 0.0
    """The part of messages that are lost."""
    twice: float = 0.0
    """The part that arrives twice, of what is safe to repeat: a connection repeats nothing, those who call do."""
    delayed: float = 0.0
    """The part that takes up to `delay_ns`."""
    delay_ns: int = 0
    cut: set[tuple[str, str]] = field(default_factory=set)
    """From whom to whom nothing comes."""
    barred: set[tuple[str, str]] = field(default_factory=set)
    """Whose calls don't reach whom; what the other one asks is answered, as by a firewall."""
    customers: str = "customers"
    """They are spared: what they don't hear says nothing about the store."""

    def carry(self, sender: str, receiver: str, *, is_call: bool = True, may_double: bool = False) -> list[int]:
        """After how long the message arrives, each time that it does."""
        usual = self._usual()
        if self.customers in (sender, receiver):
            return [usual]
        is_barred = is_call and (sender, receiver) in self.barred
        if is_barred or (sender, receiver) in self.cut or self.chance.random() < self.lost:
            return []
        if self.chance.random() < self.delayed:
            usual += int(self.chance.random() * self.delay_ns)
        return [usual, usual + self._usual()] if may_double and self.chance.random() < self.twice else [usual]

    def _usual(self) -> int:
        return FASTEST_NS + int(self.chance.random() * (SLOWEST_NS - FASTEST_NS))

    def heal(self) -> None:
        self.lost = self.twice = self.delayed = 0.0
        self.cut.clear()
        self.barred.clear()
