"""A front serves what somebody else's app has declared, without code of its own: of a replica, then of the cache."""

from collections.abc import Iterator

import pytest
from django.test import Client

from bookstore_project.api.cached_resources import CachedResource
from frontend_app.cache.messages import Invalidation, Push
from frontend_app.gateway.fast_path import FastPath
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.asgi import HOST
from frontend_app.tests.support.fakes import TIMELINE, Store
from frontend_app.urls import resource_routes
from tests.asgi import scope_of
from tests.configured import replication

NOTES = CachedResource("notes", ("notes/<str:word>/of/",), model="notes.Note", column="word", has_pages=True)
urlpatterns = resource_routes(NOTES)
PATH = "/notes/a%20word/of/"

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def front() -> Iterator[Front]:
    with replication(CACHED_RESOURCES=[f"{__name__}.NOTES"]), serving(fakes.make_front(Store())) as front:
        yield front


def test_it_is_read_once_and_dropped_with_its_key(front: Front) -> None:
    pages = (PATH, PATH + "?page=2")
    for outcome in ("miss", "hit"):
        for page in pages:
            answer = Client().get(page)
            assert answer.status_code == 200
            assert (answer["X-Cache"], answer.json()["path"]) == (outcome, page)
    front.coherence.pushed(Push(TIMELINE, invalidate=[Invalidation(2, [NOTES.key("a word")])]))
    assert [Client().get(page)["X-Cache"] for page in pages] == ["miss", "miss"]


def test_the_event_loop_answers_it_as_django_does(front: Front) -> None:
    usual = [Client().get(PATH) for _ in range(2)][1]
    hit = FastPath(front).answer(scope_of("GET", PATH, [HOST]), 0.0)
    assert hit is not None
    start, body = hit
    named = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    assert body["body"] == usual.content
    assert (named["x-cache"], named["allow"], named["etag"]) == ("hit", usual["Allow"], usual["ETag"])


def test_its_changes_are_made_at_the_replicas(front: Front) -> None:
    assert Client().post(PATH).status_code in (403, 405)
