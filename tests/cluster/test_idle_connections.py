"""More connections than anybody's default allows, all of them idle: the others don't notice."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.client import Shop
from tests.store import is_unanswered
from tests.waiting import wait_for

CROWD = 1100
NEEDED = 2 * CROWD + 200
HALF = (
    b"POST /api/v1/orders/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)
HALF_A_HEAD = b"GET /product/1 HTTP/1.1\r\nHost: local"


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Enough of them for both crowds at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < NEEDED:
        pytest.skip(f"this system allows a process {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, NEEDED), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("greeting", [b"", HALF, HALF_A_HEAD], ids=["silent", "half a body", "half a head"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/product/{}"), ("POST", "/purchase/{}")])
def test_a_crowd_that_sends_nothing_more_delays_nobody(
    shop: Shop, descriptors: None, greeting: bytes, method: str, path: str
) -> None:
    book = shop.new_book(quantity=1000)

    def is_served_meanwhile() -> bool:
        """Answered before the first of them has been waited for as long as anybody is, and given up."""
        with ExitStack() as crowd:
            waiting = [crowd.enter_context(shop.store.connect()) for _ in range(CROWD)]
            for connection in waiting:
                connection.sendall(greeting)
            assert shop.front.call(method, path.format(book)).status < 300
            return is_unanswered(waiting[0])

    wait_for(is_served_meanwhile, what="an answer beside the crowd")
