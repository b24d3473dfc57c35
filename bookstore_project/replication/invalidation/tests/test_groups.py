"""A group of changes, and a front that dies as it is told of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bookstore_project.replication import failpoints
from bookstore_project.replication.interface import Committed
from bookstore_project.replication.invalidation import leases, pushes
from bookstore_project.replication.invalidation.messages import PushMessage
from bookstore_project.replication.sqlite_pair.commit.tests.test_group_commit import committed, together
from bookstore_project.replication.tests.shelf.models import Article
from bookstore_project.replication.tests.support.articles import REPRICE
from bookstore_project.replication.tests.support.fake_fronts import LEASE, ListeningFront
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor
from tests.clock import Clock
from tests.waiting import PATIENCE_S

NOTHING: PushMessage = {"timeline": "", "invalidate": [], "set": []}


def repriced(article_id: int) -> Callable[[], object]:
    return lambda: Article.objects.filter(pk=article_id).update(**REPRICE)


@pytest.mark.two_files
@pytest.mark.parametrize("dies_in_the_second", [False, True], ids=["as it is announced", "after the commits"])
def test_a_front_that_dies_in_the_push_of_a_group_is_waited_for_and_all_are_acknowledged(
    clock: Clock, seven_articles: Path, lasting_front: ListeningFront, dies_in_the_second: bool
) -> None:
    """Nobody is shown one of them before its lease has run out, nor is anybody told that nobody knows."""
    front, before = lasting_front, floor("shelf")
    leases.record_lease(front.lease)
    assert pushes.push(front.lease, NOTHING, PATIENCE_S), "a connection is open"
    front.messages.clear()
    front.status = 503  # What was announced, it refuses.
    front.is_dead = not dies_in_the_second
    seen: list[tuple[int, float]] = []

    def die() -> None:
        front.is_dead = True

    failpoints.hooks["leases-read"] = die
    failpoints.hooks["invalidated"] = lambda: seen.append((floor("shelf"), clock.now))
    outcomes: list[Committed[object]] = [committed(actor) for actor in together(*map(repriced, (1, 2, 3)))]
    assert [outcome.position for outcome in outcomes] == [before + 1, before + 2, before + 3]
    told = [[position for position, _ in message["invalidate"]] for message in front.messages]
    assert told[0] == [before + 1, before + 2, before + 3], "one message of all"
    ((shown, at),) = seen
    assert (shown, floor("shelf")) == (before, before + 3)
    assert at >= LEASE.expires
    assert_copies_equal("shelf")
