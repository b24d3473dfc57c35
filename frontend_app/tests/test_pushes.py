"""What a push is said to do, and whose request is said to have caused it."""

from typing import Any

import pytest

from frontend_app import pushes


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
