"""What a push is said to do, and whose request is said to have caused it."""

from typing import Any

import pytest

from frontend_app.cache import pushes
from frontend_app.cache.coherence import Coherence
from frontend_app.cache.modes import PushAlone, TimeoutAlone


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"invalidate": [], "set": []}, []),
        ({"invalidate": [[7, []]]}, []),
        (
            {"invalidate": [[7, ["book:1"]], [8, ["a", "b", "c", "d"]]]},
            [
                ("pusher", "drops book:1 up to 7"),
                ("pusher", "drops a, b, c and 1 more up to 8"),
            ],
        ),
        (
            {"set": [[7, "book:1", "{}"], [9, "book:2", "{}"]], "requests": ["one", "two"]},
            [
                ("one", "sets book:1 as of 7"),
                ("two", "sets book:2 as of 9"),
            ],
        ),
        ({"set": [[7, "book:1", "{}"]]}, [("pusher", "sets book:1 as of 7")]),
        ({"set": [[7, "book:1", "{}"]], "requests": ["not\ntame"]}, [("pusher", "sets book:1 as of 7")]),
        ({"set": [[7, "book:1", "{}"]], "requests": None}, [("pusher", "sets book:1 as of 7")]),
        ({"invalidate": [[7, [1, None]]]}, [("pusher", "drops 1, None up to 7")]),
    ],
)
def test_each_effect_is_said_under_the_request_that_caused_it(
    message: dict[str, Any], said: list[tuple[str, str]]
) -> None:
    assert list(pushes.effects(message, "pusher")) == said


def test_a_push_that_is_meant_for_another_process_is_not_taken() -> None:
    """Two may run under one name, and at one address: what one drops, the other still has."""
    coherence = Coherence(caches=(), lease_s=1.5)
    message = {"timeline": "t", "invalidate": [], "set": []}
    assert pushes.take(coherence, message, coherence.instance) == {"wanted": []}
    assert pushes.take(coherence, message) == {"wanted": []}, "which asks of nobody in particular"
    assert pushes.take(coherence, message, "another") is None


def test_a_push_that_ends_the_lease_is_answered_once_it_is_given_up() -> None:
    message = {"timeline": "", "invalidate": [], "set": [], "ends_lease": True}
    coherence = Coherence(caches=(), lease_s=1.5, clock=lambda: 0.0, lease_until=1.0)
    assert pushes.take(coherence, message, "another") is None
    assert coherence.view("book:1").is_leased
    assert pushes.take(coherence, message) == {"wanted": [], "lease_ended": True}
    assert not coherence.view("book:1").is_leased


@pytest.mark.parametrize("coherence", [PushAlone, TimeoutAlone])
def test_a_front_that_goes_by_no_lease_does_not_say_that_it_gave_one_up(coherence: type[Coherence]) -> None:
    message = {"timeline": "", "invalidate": [], "set": [], "ends_lease": True}
    assert pushes.take(coherence(caches=(), lease_s=1.5), message) == {"wanted": [], "lease_ended": False}
