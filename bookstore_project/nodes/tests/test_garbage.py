"""What bodies leave behind is looked for by its size, not by how many objects it is."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from bookstore_project.nodes.garbage import MOST_BYTES, Bodies


class Knot:
    """It goes only when garbage is looked for."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def knot() -> Iterator["weakref.ref[Knot]"]:
    gc.disable()  # It isn't looked for but by what is tested.
    yield weakref.ref(Knot())
    gc.enable()


def test_it_is_looked_for_once_many_bytes_were_read(knot: "weakref.ref[Knot]") -> None:
    bodies = Bodies()
    for _ in range(2):
        bodies.read(MOST_BYTES // 2)
    assert knot() is not None
    bodies.read(1)
    assert knot() is None


def test_it_is_not_looked_for_again_until_as_many_were_read(
    knot: "weakref.ref[Knot]", monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies, looked = Bodies(), []
    monkeypatch.setattr(gc, "collect", lambda: looked.append(1))
    for _ in range(3 * MOST_BYTES // 1_000_000):
        bodies.read(1_000_000)
    assert len(looked) == 2
