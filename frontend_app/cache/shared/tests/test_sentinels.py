"""Fronts over a Redis that Sentinels elect: when it is gone, they go on with the one that is elected then."""

from collections.abc import Iterator

import pytest

from frontend_app import services
from frontend_app.cache.shared.cache import PAUSE_S
from frontend_app.runtime import Front
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store, make_front, push
from frontend_app.tests.support.shared_caches import redis_backend, settle, shared
from tests.clock import Clock
from tests.sentinels import ElectedRedis
from tests.waiting import wait_for

pytestmark = pytest.mark.processes
WAIT_S = 1.0


@pytest.fixture
def elected() -> Iterator[ElectedRedis]:
    with ElectedRedis() as running:
        yield running


def look(front: Front, book_id: int = 1) -> tuple[str, str]:
    """Price and X-Cache of a read."""
    relay = services.read_book(front, book_id)
    return fakes.parsed(relay.body)["price"], relay.headers["X-Cache"]


def wait_for_hit(front: Front, clock: Clock, price: str) -> None:
    """Whatever comes before has to be right as well."""

    def is_hit() -> bool:
        clock.now += PAUSE_S
        told, cached = look(front)
        assert told == price
        settle(front)
        return cached == "hit"

    wait_for(is_hit, what="a hit")


def test_what_one_front_has_read_is_a_hit_at_the_other_through_failovers(elected: ElectedRedis) -> None:
    """An old Redis that comes back is what it was: its entries count only if the floors say so."""
    store, clock = Store(), Clock()
    store.put(1, price="10.00")
    fronts = [make_front(store, shared(redis_backend(elected.url, WAIT_S), WAIT_S, clock)) for _ in range(2)]
    for front in fronts:
        wait_for_hit(front, clock, "10.00")

    first = elected.elected()
    elected.pause(first)
    change = store.put(1, price="11.00")
    for front in fronts:
        push(front, change)
        assert look(front)[0] == "11.00"
    wait_for(lambda: elected.elected() != first, what="another Redis is elected")
    for front in fronts:
        wait_for_hit(front, clock, "11.00")

    elected.resume(first)
    wait_for(lambda: not elected.is_written_to(first), what="the old one follows")
    (second,) = {*elected.ports} - {first}
    elected.kill(second)  # A slow machine may have made it follow by now.
    wait_for(lambda: elected.elected() == first, what="it is elected again")
    for front in fronts:
        wait_for_hit(front, clock, "11.00")
