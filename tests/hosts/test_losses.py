"""When a loss has cost too much: by its own limit, for which a machine that was busy or slow is allowed more."""

import time

import pytest

from tests.hosts.history import History, Seen
from tests.hosts.losses import Loss, Taken
from tests.hosts.shop import Failure, Shop

USUAL = Taken(0.1, 0.01, 0.003, 5)


def loss(*, purchases_s: float, late_s: float = 0.0, repeats: int = 0) -> Loss:
    return Loss("standby's host gone", 0.2, 0.2, purchases_s, 0.2, 1.0, late_s, repeats, USUAL, USUAL)


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (loss(purchases_s=0.9), []),
        (loss(purchases_s=1.1), ["longer than 1.0 s: "]),
        (loss(purchases_s=1.4, late_s=0.1), []),
        (loss(purchases_s=1.6, late_s=0.1), ["longer than 1.5 s: "]),
        (loss(purchases_s=0.9, repeats=1), []),
        (loss(purchases_s=0.9, repeats=2), ["asked for 2 times in vain while others could buy: "]),
    ],
)
def test_each_is_held_to_its_own_limit(cost: Loss, words: list[str]) -> None:
    assert [each.removesuffix(str(cost)) for each in cost.excess()] == words


def test_what_was_asked_before_others_could_buy_is_no_repeat() -> None:
    shop = object.__new__(Shop)
    shop.failures = [Failure(asked, asked + 1, key, "503") for asked, key in ((1, "a"), (3, "a"), (4, "b"), (5, "a"))]
    shop.failures.append(Failure(6, 7, "", "a look"))
    assert [shop.most_repeats(since) for since in (0, 2, 3, 5)] == [3, 2, 1, 0]


def test_the_longest_time_without_an_answer_may_be_at_either_end() -> None:
    assert Seen([1, 4, 5]).longest_gap(0, 6) == (1, 4)
    assert Seen([1, 4, 5]).longest_gap(0, 9) == (5, 9)
    assert Seen([1, 4, 5]).longest_gap(3.5, 4.5) == (3.5, 4)


def test_an_idle_thread_is_late_for_whoever_was_judged_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Woken at 1.0, 3.1 and 3.2 instead of 1.0, 1.1 and 3.2."""
    history = History([], writers=0)
    wakings = iter([0.9, 1.0, 1.0, 3.1, 3.1, 3.2, 3.2])
    monkeypatch.setattr(time, "monotonic", lambda: next(wakings))
    ends = iter([False, False, False, True])
    monkeypatch.setattr(history._ended, "wait", lambda _: next(ends))
    history._watch_the_machine()
    assert [round(history.late_s(*part), 3) for part in ((0, 1.05), (1.05, 2), (3, 4), (3.15, 4), (5, 6))] == [
        0.0,
        2.0,
        2.0,
        0.0,
        0.0,
    ]
