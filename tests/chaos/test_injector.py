"""When faults are injected."""

import random
import time
from typing import Any, cast

import pytest

from tests.chaos import injector
from tests.chaos.faults import Fault, Scene
from tests.chaos.injector import Injector
from tests.chaos.operator import Operator
from tests.chaos.pairs import Pairs

BLOW = Fault("blow", "file", lambda scene, target: None, targets=("catalog-2",))


class Unaware:
    """As much of a scene as it takes: files are hit, and the store doesn't notice."""

    undo: tuple[object, ...] = ()

    def take_back(self) -> None:
        """There is nothing."""

    def all_in_sync(self) -> bool:
        return True

    def is_in_sync(self, service: str) -> bool:
        return True

    def nonce(self, target: str) -> str:
        return "first"

    def witness(self, service: str) -> None:
        """Nothing to keep a copy of."""


def test_before_a_pair_a_file_that_was_hit_is_seen_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the store calls it in sync as yet: a pair on the other file would leave neither."""
    monkeypatch.setattr(injector, "NOTICED_S", 0.0)
    monkeypatch.setattr(injector, "HURRY", 1.0)
    done: list[str] = []

    class Noting(Pairs):
        def strike(self) -> None:
            done.append("a pair")
            it.stuck.append("enough")

    def scrub(service: str) -> bool:
        done.append(f"{service} is read whole")
        return True

    scene, nobody = cast("Scene", Unaware()), cast("Any", None)
    operator = Operator(scene, done.append, nobody, nobody)
    pairs = Noting(scene, [BLOW], random.Random(1), done.append, scrub, operator, 0.0)
    it = Injector(scene, [BLOW], random.Random(1), done.append, scrub, pairs)
    monkeypatch.setattr(time, "sleep", lambda seconds: setattr(pairs, "share", 1.0))
    it.run(time.monotonic() + 60)
    assert done == ["blow on catalog-2", "catalog is read whole", "a pair"]
