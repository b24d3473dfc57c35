"""Whom the cluster page names as the servers with the rows."""

from django.template.loader import render_to_string

from frontend_app.dashboard import state
from frontend_app.picture.words import WORDS
from frontend_app.runtime import serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import CATALOG_1, CATALOG_2


def test_a_replica_that_does_not_answer_says_no_more_who_the_primary_is() -> None:
    """Nobody has written since: both tell of the same position."""
    with serving(fakes.make_front(fakes.Store())) as front:
        for checker in front.checkers:
            checker.status = {"epoch": 0, "floor": 7, "servers": [f"as {checker.node.name} has it"]}
            front.breakers.passed(checker.node, front.breakers.clock())
        assert state.describe(front, is_for_staff=True)["servers"] == ["as catalog-1 has it"]
        assert state.describe(front)["servers"] == [], "names and errors of servers are for staff"
        shown = render_to_string("frontend_app/cluster_live.html", dict(state.describe(front, is_for_staff=True)))
        assert "<li>as catalog-1 has it</li>" in shown
        assert all(
            f'data-means="{word}: {WORDS[word]}"' in shown for word in ("primary", "standby", "timeline", "quorum")
        )
        front.breakers.failed(CATALOG_1, "refuses connections")
        assert state.describe(front, is_for_staff=True)["servers"] == ["as catalog-2 has it"]
        front.breakers.failed(CATALOG_2, "PostgreSQL: the connection is lost")
        assert state.describe(front, is_for_staff=True)["servers"] == []
