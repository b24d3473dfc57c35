"""Who sees what of the cluster page: everybody how the store is, staff what was asked for as well."""

import json
import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from bookstore_project.api.tests.api import make_staff
from bookstore_project.nodes import redaction
from frontend_app.monitoring.journal import REQUESTS_KEPT
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import asgi, fakes
from frontend_app.tests.support.asgi import ask
from frontend_app.tests.support.fakes import Store
from tests.asgi import run

pytestmark = pytest.mark.django_db
ORDER = "6c1d8f5e-0d2c-4c3c-8f0e-1d2c3b4a5f6e"
TOKEN = "8b1a9953c4611296a827abf8c47804d7e6c49c6b"
REQUEST_ID = "an-id-of-the-client"
PAGES = ("/api/v1/cluster/", "/cluster/", "/cluster/live/")
ASKED = (
    "/product/1",
    f"/api/v1/orders/{ORDER}/",
    f"/api/v1/books/?search=something+private&token={TOKEN}",
    "/search/something%20private",
    f"/api/v1/books/1/?token={TOKEN}",
    f"/nowhere/{ORDER}?{TOKEN}",
)
NAMED = {
    "/product/<int:book_id>",
    "/api/v1/orders/<uuid:order_id>",
    "/api/v1/books",
    "/search/<path:topic>",
    "/api/v1/books/<int:book_id>",
    "other",
}


@pytest.fixture
def front() -> Iterator[Front]:
    store = Store()
    store.put(1, topic="things")
    with serving(fakes.make_front(store)) as front:
        yield front


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(make_staff("ann", "operators"))
    return client


def nobody_in_particular() -> Client:
    """Of staff, and in no group: may see no orders."""
    client = Client()
    client.force_login(make_staff("dora"))
    return client


def customer() -> Client:
    """Somebody with an account, who is no member of staff."""
    client = Client()
    client.force_login(get_user_model().objects.create_user("carl", password=uuid.uuid4().hex))
    return client


def ask_all() -> None:
    for target in ASKED:
        Client().get(target, headers={"X-Request-Id": REQUEST_ID})


@pytest.mark.parametrize("who", ["nobody", "a customer", "staff without permissions"])
def test_visitors_see_patterns_and_neither_ids_nor_queries(front: Front, who: str) -> None:
    ask_all()
    visitor = {"nobody": Client, "a customer": customer}.get(who, nobody_in_particular)()
    for page in PAGES:
        text = visitor.get(page).content.decode()
        for secret in (ORDER, "private", TOKEN, REQUEST_ID):
            assert secret not in text, f"{page} tells {secret}"
    requests = visitor.get(PAGES[0]).json()["requests"]
    assert {request["path"] for request in requests} == NAMED
    called = {step["call"] for request in requests for step in request["trace"]}
    assert called == {f"GET {path}" for path in NAMED - {"/product/<int:book_id>", "other"}}


def test_staff_sees_addresses_ids_and_words_but_no_tokens(front: Front, staff: Client) -> None:
    ask_all()
    for page in PAGES:
        text = staff.get(page).content.decode()
        assert TOKEN not in text
        for told in (ORDER, "private", REQUEST_ID):
            assert told in text, f"{page} doesn't tell {told}"
    paths = [request["path"] for request in staff.get(PAGES[0]).json()["requests"]]
    assert "/api/v1/books/?search=something+private&…" in paths
    assert f"/nowhere/{ORDER}?…" in paths


def test_hits_and_refusals_of_the_event_loop_are_shown_in_the_same_way(front: Front, staff: Client) -> None:
    gateway = asgi.make_gateway(front)

    async def test() -> None:
        for _ in range(2):
            await ask(gateway, "GET", "/search/things?page=1")
        await ask(gateway, "POST", f"/api/v1/orders/{ORDER}/?token={TOKEN}", ("content-length", "10000000"))

    run(test)
    (refused, hit, _) = Client().get(PAGES[0]).json()["requests"]
    assert (hit["path"], hit["request_id"]) == ("/search/<path:topic>", "")
    assert (refused["path"], refused["status"]) == ("/api/v1/orders/<uuid:order_id>", 413)
    (refused, hit, _) = staff.get(PAGES[0]).json()["requests"]
    assert hit["path"] == "/search/things?page=1"
    assert hit["request_id"]
    assert refused["path"] == f"/api/v1/orders/{ORDER}/?…"


def test_the_page_is_bounded_whatever_is_asked_for(front: Front, staff: Client) -> None:
    for number in range(60):
        Client().get(f"/search/{'x' * 5000}{number}?page=1&token={'y' * 5000}", headers={"X-Request-Id": "z" * 128})
    for visitor in (staff, Client()):
        for page in PAGES:
            assert len(visitor.get(page).content) < 100_000
    requests = staff.get(PAGES[0]).json()["requests"]
    assert len(requests) == REQUESTS_KEPT
    assert all(len(request["path"]) < 2 * redaction.LONGEST + 50 for request in requests)
    assert "…[+" in requests[0]["path"]


def test_who_ordered_something_is_told_to_staff_alone(front: Front, staff: Client) -> None:
    drain = "/api/v1/cluster/nodes/catalog-1/drain/"
    try:
        assert staff.post(drain, "{}", content_type="application/json").status_code == 200
        front.journal.event("catalog-2", "pause", by="ann")
        for page in PAGES:
            assert "ann" not in Client().get(page).content.decode().replace("channel", "")
            assert "drained by ann" in staff.get(page).content.decode()
            assert "pause, ordered by ann" in staff.get(page).content.decode()
        states = {node["name"]: node["reason"] for node in Client().get(PAGES[0]).json()["nodes"]}
        assert states["catalog-1"] == "drained"
    finally:
        staff.post(drain.replace("/drain/", "/undrain/"), "{}", content_type="application/json")


def test_keys_reasons_and_events_are_cut(front: Front) -> None:
    front.reads.cache.set(f"topic:{'x' * 5000}", b"")
    front.breakers.failed(fakes.CATALOG_1, "y" * 5000)
    told = Client().get(PAGES[0]).json()
    assert all(len(key) < 200 for key in told["cache"]["keys"])
    assert all(len(node["reason"]) < 400 for node in told["nodes"])
    assert all(len(event["event"]) < 700 for event in told["events"])
    assert "…[+" in json.dumps(told["events"], ensure_ascii=False)


def test_the_page_of_visitors_needs_no_account(front: Front, django_assert_num_queries: object) -> None:
    assert callable(django_assert_num_queries)
    with django_assert_num_queries(0, using="default"):
        for page in PAGES:
            assert Client().get(page).status_code == 200
            assert settings.SESSION_COOKIE_NAME not in Client().get(page).cookies
