"""What the event timeline says of copies that leave and rejoin, in plain words."""

from typing import Any

import pytest
from django.template.loader import render_to_string

from bookstore_project.settings.topology import NODES
from frontend_app.dashboard import state
from frontend_app.monitoring.journal import Journal, left_the_rotation
from frontend_app.monitoring.observer import Observer
from frontend_app.runtime import Front
from frontend_app.tests.support.fakes import Store, make_front

REPAIR = {"at": "2026-01-01T10:00:00+00:00", "alias": "catalog-1", "means": "log", "entries": 214, "ms": 80}


@pytest.fixture
def front() -> Front:
    return make_front(Store())


@pytest.fixture
def observer(front: Front) -> Observer:
    return Observer(front.checkers, front.journal)


def tell(front: Front, node: str, **told: Any) -> None:
    (checker,) = (checker for checker in front.checkers if checker.node.name == node)
    checker.status = {"epoch": 1, "floor": 10, "position": 10, "out": {}, "last_repair": None, **told}


def said(front: Front) -> list[str]:
    return [f"{event['node']} {event['event']}" for event in front.journal.events()]


def test_a_copy_that_leaves_and_rejoins_by_its_log(front: Front, observer: Observer) -> None:
    tell(front, "catalog-2")
    observer.look()
    tell(front, "catalog-2", epoch=2, out={"catalog-1": "its file is gone."})
    observer.look()
    tell(front, "catalog-2", epoch=3, last_repair=REPAIR)
    for _ in range(2):
        observer.look()
    assert said(front) == [
        "catalog-1 rejoined by log, 214 entries, 80 ms",
        "catalog-1 is out of sync: its file is gone → the store goes on with catalog-2",
    ]


def test_two_repairs_within_a_second_are_two_events(front: Front, observer: Observer) -> None:
    tell(front, "catalog-2", last_repair=REPAIR)
    observer.look()
    tell(front, "catalog-2", last_repair={**REPAIR, "entries": 1, "ms": 7})
    observer.look()
    assert said(front) == ["catalog-1 rejoined by log, 1 entry, 7 ms"]


def test_what_was_so_before_the_front_began_is_no_news_but_a_copy_that_is_out_is(
    front: Front, observer: Observer
) -> None:
    tell(front, "catalog-2", last_repair=REPAIR, out={"catalog-1": "full disk"})
    observer.look()
    assert said(front) == ["catalog-1 is out of sync: full disk → the store goes on with catalog-2"]


def test_a_process_that_is_a_new_one_is_said_even_if_nobody_missed_the_old_one(
    front: Front, observer: Observer
) -> None:
    for pid in (17, 17, 18, None, 18):
        tell(front, "order-1", pid=pid)
        observer.look()
    assert said(front) == ["order-1 began anew: process 18 instead of 17"]


def test_no_copy_left_is_said(front: Front, observer: Observer) -> None:
    tell(front, "catalog-2")
    observer.look()
    tell(front, "catalog-2", epoch=2, out={"catalog-1": "a", "catalog-2": "b"})
    observer.look()
    assert all(event.endswith("→ no copy is in sync") for event in said(front))
    assert len(said(front)) == 2


def test_the_replica_that_is_in_sync_speaks_for_the_other_one(front: Front) -> None:
    """Which has said nothing since it was well."""
    tell(front, "catalog-1", position=7, floor=7)
    tell(front, "catalog-2", epoch=2, out={"catalog-1": "its file is gone"})
    nodes = {node["name"]: node for node in state.describe(front)["nodes"]}
    assert (nodes["catalog-1"]["in_sync"], nodes["catalog-1"]["lag"]) == (False, 3)
    assert nodes["catalog-1"]["out_because"] == "its file is gone"
    assert nodes["catalog-2"]["in_sync"] is True
    assert {nodes[name]["epoch"] for name in ("catalog-1", "catalog-2")} == {2}
    assert nodes["order-1"]["in_sync"] is None


def test_the_page_shows_how_far_the_copy_is_that_is_being_made(front: Front) -> None:
    work = {"what": "copying catalog-2 for catalog-1", "part": 0.42, "left_s": 11.7, "pid": 7}
    tell(front, "catalog-2", epoch=2, out={"catalog-1": "its file is gone"}, work=work)
    described = state.describe(front)
    nodes = {node["name"]: node for node in described["nodes"]}
    assert nodes["catalog-1"]["work"] == {"what": work["what"], "part": 0.42, "left_s": 11.7}
    assert nodes["catalog-2"]["work"] is nodes["order-1"]["work"] is nodes["front"]["work"] is None
    page = render_to_string("frontend_app/cluster_live.html", dict(described))
    assert page.count("<progress") == 1
    assert '<progress value="0.42" max="1" aria-label="copying catalog-2 for catalog-1">' in page
    assert "about 12 s left" in page


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("does not answer", "stopped answering → requests go to order-2"),
        ("refuses connections", "stopped answering (it refuses connections) → requests go to order-2"),
        ("It is locked.", "left the rotation: It is locked → requests go to order-2"),
    ],
)
def test_leaving_the_rotation_says_where_requests_go(reason: str, text: str) -> None:
    assert left_the_rotation(NODES["order-1"], reason) == text
    not_yet = text.replace("stopped answering", "doesn't answer yet")
    assert left_the_rotation(NODES["order-1"], reason, has_answered=False) == not_yet
    journal = Journal()
    journal.event("order-1", text)
    assert journal.events()[0]["event"] == text


def test_a_copy_in_sync_does_not_lag_while_its_process_is_silent(front: Front) -> None:
    tell(front, "order-1", position=71, floor=71)
    tell(front, "order-2", position=7, floor=7)
    nodes = {node["name"]: node for node in state.describe(front)["nodes"]}
    assert (nodes["order-2"]["in_sync"], nodes["order-2"]["position"], nodes["order-2"]["lag"]) == (True, 71, 0)
