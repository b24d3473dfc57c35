"""Changes that wait for the lock are one transaction: one delivery, one commit, and each as if it were alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.db import IntegrityError

from bookstore_project.nodes import deadlines
from bookstore_project.replication import failpoints
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.interface import Committed
from bookstore_project.replication.postgresql.attempt import begun
from bookstore_project.replication.postgresql.tests.database_rows import assert_copies_equal, floor, rows
from bookstore_project.replication.postgresql.tests.support import (
    SHELF,
    Fronts,
    raise_price,
    renew,
    write,
    writing,
)
from bookstore_project.replication.tests.shelf.models import Shelf, Thing
from bookstore_project.replication.tests.support.articles import reprice
from bookstore_project.replication.transaction import run
from bookstore_project.replication.writing import group
from tests.actors import Actor
from tests.postgres import server_of_tests
from tests.waiting import wait_for


def waiting(count: int) -> bool:
    return len(group.queue_of(SHELF)) == count


def together(fronts: Fronts, *changes: Callable[[], object]) -> list[Actor]:
    actors = []
    with begun(SHELF, Fronts(), 60):
        for number, change in enumerate(changes, start=1):
            actors.append(Actor(writing(fronts, change)))
            wait_for(partial(waiting, number), what="it stands in the queue")
    for actor in actors:
        actor.join(60)
        assert not actor.is_alive()
    return actors


def shelf(name: str) -> Callable[[], object]:
    return lambda: Shelf.objects.create(name=name)


def position(actor: Actor) -> int:
    outcome = actor.result()
    assert isinstance(outcome, Committed)
    return outcome.position


def test_three_that_wait_are_one_delivery_and_one_commit(seven_articles: Path) -> None:
    fronts, commits, before = Fronts(), list[int](), floor("shelf")
    assert renew(fronts)
    failpoints.hooks["committed"] = lambda: commits.append(1)
    found = [position(actor) for actor in together(fronts, *(partial(raise_price, number) for number in (1, 2, 3)))]
    assert found == [before + 1, before + 2, before + 3]
    assert fronts.delivered == [[before + 1, before + 2, before + 3]]
    assert commits == [1]
    assert_copies_equal("shelf")


REFUSED: dict[str, Callable[[], object]] = {
    "its own error": lambda: [Shelf.objects.create(name="gone"), 1 / 0],
    "a value that is there": lambda: [Shelf.objects.create(name="gone"), Shelf.objects.create(name="first")],
    "a reference to nothing": lambda: [
        Shelf.objects.create(name="gone"),
        Thing.objects.create(name="x", shelf_id=999),
    ],
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_one_of_them_raises_takes_back_that_one_alone(seven_articles: Path, way: str) -> None:
    actors = together(Fronts(), shelf("first"), REFUSED[way], shelf("last"))
    with pytest.raises((ZeroDivisionError, IntegrityError)):
        actors[1].result()
    assert position(actors[2]) == position(actors[0]) + 1
    assert rows("shelf-1", "SELECT name FROM shelf_shelf ORDER BY name") == [("first",), ("last",)]
    assert_copies_equal("shelf")


def test_waiting_for_the_lock_ends_with_the_deadline(seven_articles: Path) -> None:
    with begun(SHELF, Fronts(), 60):

        def late() -> None:
            with deadlines.until(0.05):
                run("shelf", reprice)

        with pytest.raises(Unavailable, match="holds the lock"):
            Actor(late).result()


def test_a_writer_whose_connection_is_lost_before_the_commit_has_changed_nothing(seven_articles: Path) -> None:
    before = floor("shelf")

    def cut() -> None:
        failpoints.hooks.clear()
        server_of_tests().end_sessions("shelf")

    failpoints.hooks["made"] = cut
    with pytest.raises(Unavailable):
        write(Fronts())
    assert floor("shelf") == before
    assert write(Fronts()).position == before + 1, "with a new connection"


def test_a_strangers_write_is_refused_by_the_database(seven_articles: Path) -> None:
    with pytest.raises(Exception, match="outside a replicated transaction"):
        rows("shelf-1", "UPDATE shelf_article SET price = 1 RETURNING 1")
    assert_copies_equal("shelf")
