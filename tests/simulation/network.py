"""The network between the nodes: how long a message takes, and whether it arrives at all."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

FASTEST_NS, SLOWEST_NS = 50_000, 400_000
"""Of a message on a network that is well."""
MS = 1_000_000
Ailment = tuple[str, Callable[[], object]]
"""What is wrong, in words, and how it passes."""


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

    def lose(self, chance: random.Random, nodes: Sequence[str]) -> Ailment:
        self.lost = chance.choice((0.02, 0.1, 0.5))
        return f"{self.lost:.0%} of all messages", partial(setattr, self, "lost", 0.0)

    def double(self, chance: random.Random, nodes: Sequence[str]) -> Ailment:
        self.twice = chance.choice((0.1, 0.5))
        return f"{self.twice:.0%} of all messages", partial(setattr, self, "twice", 0.0)

    def delay(self, chance: random.Random, nodes: Sequence[str]) -> Ailment:
        self.delayed, self.delay_ns = chance.choice((0.1, 0.5)), chance.choice((20, 500)) * MS
        what = f"{self.delayed:.0%} of all messages, by up to {self.delay_ns // MS} ms"
        return what, partial(setattr, self, "delayed", 0.0)

    def divide(self, chance: random.Random, nodes: Sequence[str]) -> Ailment:
        """In one direction, between two nodes: all messages, or calls alone."""
        sender, receiver = chance.sample(nodes, 2)
        is_barred = chance.random() < 0.5
        ways = self.barred if is_barred else self.cut
        ways.add((sender, receiver))
        what = f"{'calls ' if is_barred else ''}from {sender} to {receiver}"
        return what, partial(ways.discard, (sender, receiver))

    def isolate(self, chance: random.Random, nodes: Sequence[str]) -> Ailment:
        """Nobody hears one node, or it hears nobody, or both."""
        node, how = chance.choice(nodes), chance.choice(("to", "from", "to and from"))
        others = [name for name in nodes if name != node]
        ways = {(name, node) for name in others} if how != "from" else set()
        ways |= {(node, name) for name in others} if how != "to" else set()
        self.cut |= ways
        return f"{how} {node}", partial(self.cut.difference_update, ways)


AILMENTS: dict[str, Callable[[Network, random.Random, Sequence[str]], Ailment]] = {
    "lose": Network.lose,
    "double": Network.double,
    "delay": Network.delay,
    "cut": Network.divide,
    "isolate": Network.isolate,
}
"""Faults of a network, by name."""
