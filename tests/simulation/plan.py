"""What a run is made of, so told that a part can be left out and the rest stays: seed, operations, faults, forks."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from tests.chaos.history import Asked, Kind


@dataclass(frozen=True)
class Wish:
    """What a customer asks for, of which front, and how long the customer waits then."""

    customer: int
    asked: Asked
    front: int
    """Counted from 0."""
    pause_s: float

    def packed(self) -> str:
        return json.dumps(vars(self) | {"asked": vars(self.asked)})

    @classmethod
    def unpacked(cls, members: dict[str, Any]) -> Self:
        asked = dict(members["asked"])
        asked |= {"kind": Kind(asked["kind"]), "basket": tuple((book, copies) for book, copies in asked["basket"])}
        return cls(members["customer"], Asked(**asked), members["front"], members["pause_s"])


@dataclass(frozen=True)
class Strike:
    """A fault. What it hits and for how long follows from its seed, and from what is there at that turn."""

    turn: int
    kind: str
    seed: str


@dataclass(frozen=True)
class Plan:
    """A run, to the last turn. What isn't told (None) is drawn from the seed."""

    seed: str
    operations: int = 0
    """Of all customers together, about."""
    kinds: tuple[str, ...] = ()
    """Of faults that are drawn."""
    every: int = 0
    """Turns between two faults that are drawn, on average; 0: drawn, too."""
    mix: str = ""
    """Of reads and writes that are drawn, one of `customers.MIXES`; if not told: drawn, too."""
    wishes: tuple[Wish, ...] | None = None
    strikes: tuple[Strike, ...] | None = None
    forks: tuple[tuple[int, str], ...] = ()
    """From that turn on, whose turn it is and what the network does follow from another seed."""

    def spelled_out(self, wishes: Sequence[Wish], strikes: Sequence[Strike]) -> "Plan":
        """The same run, once it is known what was drawn."""
        return replace(self, wishes=tuple(wishes), strikes=tuple(strikes))

    def write(self, path: Path, **more: str) -> None:
        """As JSON, with `more` that is to be said of it, a line for each wish and fault."""
        lines = []
        for name, value in (more | asdict(self)).items():
            told = json.dumps(value)
            if name in ("wishes", "strikes") and value:
                told = "[\n  " + ",\n  ".join(json.dumps(one) for one in value) + "\n ]"
            lines.append(f' "{name}": {told}')
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """What `write` wrote."""
        members = json.loads(path.read_text())
        wishes, strikes = members["wishes"], members["strikes"]
        return cls(
            members["seed"],
            members["operations"],
            tuple(members["kinds"]),
            members["every"],
            members.get("mix", ""),
            None if wishes is None else tuple(Wish.unpacked(one) for one in wishes),
            None if strikes is None else tuple(Strike(**one) for one in strikes),
            tuple((turn, seed) for turn, seed in members["forks"]),
        )
