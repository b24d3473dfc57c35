"""Every route of the front, for programs and for people, with a store that answers well unless told otherwise."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client

from bookstore_project.api import headers
from bookstore_project.api.tests.api import make_staff
from bookstore_project.nodes.client import Reply
from frontend_app.runtime import Front, serving
from frontend_app.tests.support import fakes
from frontend_app.tests.support.fakes import Store

ALWAYS = ("X-Cache", "X-Replica", "X-Request-Id", "Server-Timing", "ETag")


@pytest.fixture
def store() -> Store:
    store = Store()
    store.put(1, price="10.00", authors="", isbn13=None, quantity=3, version=1)
    return store


@pytest.fixture(autouse=True)
def front(store: Store) -> Iterator[Front]:
    with serving(fakes.make_front(store)) as front:
        yield front


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(make_staff("ann", "shop assistants"))
    return client


def code_of(response: Any) -> str:
    assert response["Content-Type"] == "application/problem+json"
    document = response.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= document.keys()
    assert document["request_id"] == response["X-Request-Id"]
    for name in ALWAYS:
        assert name in response.headers, name
    return str(document["code"])


def post(client: Client, path: str, data: Any, **sent: str) -> Any:
    text = data if isinstance(data, str | bytes) else json.dumps(data)
    return client.post(path, text, content_type="application/json", headers=sent)


@pytest.mark.parametrize("more", ["", "&format=json"])
def test_letters_that_a_program_sends_as_they_are_reach_the_replica(client: Client, store: Store, more: str) -> None:
    """`curl` encodes nothing."""
    assert client.get(f"/api/v1/books/?search=brontë%20&find=1%&x=[a]{more}").status_code == 200
    assert parse_qs(store.asked[-1].path.partition("?")[2]) == {"search": ["brontë "], "find": ["1%"], "x": ["[a]"]}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/books/1",
        "/product/1",
        "/info/1",
        "/search/things",
        "/search/distributed%20systems",
        "/api/v1/books",
        "/api/v1/orders/6c1d8f5e-0d2c-4c3c-8f0e-1d2c3b4a5f6e",
        "/api/v1/cluster",
        "/cluster",
        "/healthz",
        "/metrics",
    ],
)
def test_routes_answer_with_and_without_slash_and_with_all_headers(client: Client, path: str) -> None:
    for spelling in (path, path + "/"):
        response = client.get(spelling)
        assert response.status_code == 200
        for name in ALWAYS:
            assert name in response.headers, name
        head = client.head(spelling)
        assert head.status_code == 200


def test_a_book_has_its_source_and_the_replicas_bytes(client: Client, store: Store) -> None:
    response = client.get("/product/1")
    assert response.content == store.answer(fakes.Asked("", "GET", "/api/v1/books/1/", None, {}, None)).body
    assert response["X-Log-Position"] == str(store.position)
    assert response["X-Replica"] in ("catalog-1", "catalog-2")
    assert response["X-Cache"] == "miss"
    assert client.get("/info/1")["X-Cache"] == "hit"
    assert "X-Log-Timeline" not in response


def test_the_query_of_a_list_goes_on_to_the_replica_without_the_format(client: Client, store: Store) -> None:
    client.get("/api/v1/books/?topic=a+b&page=2&format=json")
    assert store.asked[-1].path == "/api/v1/books/?topic=a+b&page=2"


def test_a_topic_with_a_slash_or_a_space_is_one_topic(client: Client, store: Store) -> None:
    client.get("/search/a%20b%2Fc?page=2")
    assert store.asked[-1].path == "/search/a%20b%2Fc?page=2"


@pytest.mark.parametrize("path", ["/search/..", "/product/0", "/info/9223372036854775808", "/nothing", "/search/"])
def test_what_cannot_be_is_not_found_without_asking(client: Client, store: Store, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, code_of(response)) == (404, "not_found")
    assert store.asked == []


def test_a_problem_of_a_replica_is_passed_on(client: Client) -> None:
    response = client.get("/product/99")
    assert (response.status_code, code_of(response)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/product/1"), ("get", "/purchase/1"), ("put", "/api/v1/books/"), ("post", "/cluster/"), ("post", "/")],
)
def test_a_wrong_method_is_405_and_says_which_are_right(staff: Client, method: str, path: str) -> None:
    response = getattr(staff, method)(path)
    assert (response.status_code, code_of(response)) == (405, "method_not_allowed")
    assert response["Allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("BREW", "/product/1"), ("TRACE", "/api/v1/books/1/"), ("PUT", "/api/v1/books/1/"), ("GET", "/purchase/1")],
)
def test_a_method_that_nobody_may_use_is_405_also_without_a_login(client: Client, method: str, path: str) -> None:
    response = client.generic(method, path)
    assert (response.status_code, code_of(response)) == (405, "method_not_allowed")
    assert response["Allow"]


def test_a_type_that_nobody_speaks_is_406(client: Client) -> None:
    response = client.get("/product/1", headers={"Accept": "image/png"})
    assert (response.status_code, code_of(response)) == (406, "not_acceptable")


def test_all_replicas_dead_is_503_with_retry_after(client: Client, store: Store) -> None:
    store.behaviours = dict.fromkeys(("catalog-1", "catalog-2"), fakes.refuse)
    response = client.get("/product/1")
    assert (response.status_code, code_of(response)) == (503, "unavailable")
    assert response["Retry-After"]
    assert response["X-Replica"] == "front"


# ------------------------------------------------------------------------------------------------ purchases


def test_a_purchase_goes_to_an_order_replica_with_a_key(client: Client, store: Store) -> None:
    response = post(client, "/api/v1/orders/", {"book": 1, "quantity": 2}, **{"Idempotency-Key": "k" * 16})
    assert response.status_code == 201
    asked = store.asked[-1]
    assert (asked.node, asked.path, asked.body) == ("order-1", "/api/v1/orders/", b'{"book": 1, "quantity": 2}')
    assert asked.headers[headers.IDEMPOTENCY_KEY] == "k" * 16
    assert response["X-Replica"] == "order-1"
    assert response["X-Cache"] == "bypass"


@pytest.mark.parametrize(
    ("body", "kind", "sent_on"),
    [
        (b"", "", {"book": 1}),
        (b"", "application/json", {"book": 1}),
        (b'{"quantity": 3}', "application/json", {"book": 1, "quantity": 3}),
        (b"quantity=3", "application/x-www-form-urlencoded", {"book": 1, "quantity": "3"}),
        (b"quantity=&csrfmiddlewaretoken=x", "application/x-www-form-urlencoded", {"book": 1}),
        (b'{"colour": "red"}', "application/json", {"book": 1, "colour": "red"}),
    ],
)
def test_a_purchase_by_address_sends_the_book_on(
    client: Client, store: Store, body: bytes, kind: str, sent_on: dict[str, Any]
) -> None:
    assert client.generic("POST", "/purchase/1", body, content_type=kind).status_code == 201
    assert json.loads(store.asked[-1].body or b"") == sent_on


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "code"),
    [
        ("/purchase/1", b"[1]", "application/json", 400, "validation_error"),
        ("/purchase/1", b'{"book": 2}', "application/json", 400, "validation_error"),
        ("/purchase/1", b"quantity=1&quantity=2", "application/x-www-form-urlencoded", 400, "validation_error"),
        ("/purchase/1", b"{", "application/json", 400, "parse_error"),
        ("/api/v1/orders/", b'{"book": NaN}', "application/json", 400, "parse_error"),
        ("/api/v1/orders/", b"[" * 100_000, "application/json", 400, "parse_error"),
        ("/purchase/1", b'{"quantity": 1e400}', "application/json", 400, "parse_error"),
        ("/api/v1/orders/", b"book=1", "text/plain", 415, "unsupported_media_type"),
        ("/api/v1/orders/", b'{"book": 1}', "application/json; charset=utf-16", 415, "unsupported_media_type"),
        ("/api/v1/orders/", b"--x", "multipart/form-data", 400, "parse_error"),
        ("/api/v1/orders/", b" " * 1_100_000, "application/json", 413, "payload_too_large"),
        ("/api/v1/orders/", b"a=1&" * 2000, "application/x-www-form-urlencoded", 400, "parse_error"),
        ("/purchase/0", b"", "application/json", 404, "not_found"),
    ],
)
def test_bad_input_is_refused_without_asking(
    client: Client, store: Store, path: str, body: bytes, kind: str, status: int, code: str
) -> None:
    response = client.generic("POST", path, body, content_type=kind)
    assert (response.status_code, code_of(response)) == (status, code)
    assert store.asked == []


def test_a_compressed_body_is_refused(client: Client, store: Store) -> None:
    response = post(client, "/api/v1/orders/", b"\x1f\x8b", **{"Content-Encoding": "gzip"})
    assert (response.status_code, code_of(response)) == (415, "unsupported_media_type")


@pytest.mark.parametrize("key", ["short", "x" * 256, "with a space in it", "ümlaut-ümlaut-ümlaut"])
def test_a_key_that_is_none_is_refused(client: Client, key: str) -> None:
    assert code_of(post(client, "/purchase/1", {}, **{"Idempotency-Key": key})) == "validation_error"


def test_an_unknown_outcome_names_order_and_key(client: Client, store: Store) -> None:
    store.behaviours = dict.fromkeys(("order-1", "order-2"), fakes.hang_up)
    response = post(client, "/purchase/1", {})
    assert (response.status_code, code_of(response)) == (503, "outcome_unknown")
    assert {"order", "idempotency_key"} <= response.json().keys()
    assert response["Retry-After"]


def test_a_replayed_answer_says_so(client: Client, store: Store) -> None:
    reply = fakes.json_reply({"id": "x"}, 201)
    replayed = Reply(201, {**reply.headers, headers.IDEMPOTENT_REPLAYED: "true", "Set-Cookie": "x=1"}, reply.body)
    store.behaviours = {"order-1": fakes.answer_with(replayed)}
    response = post(client, "/purchase/1", {}, **{"Idempotency-Key": "a-key-of-the-client"})
    assert response[headers.IDEMPOTENT_REPLAYED] == "true"
    assert "Set-Cookie" not in response
    assert headers.IDEMPOTENT_REPLAYED not in post(client, "/purchase/1", {}), "this client has asked once"


# ---------------------------------------------------------------------------------------------------- staff

CHANGES = [
    ("post", "/api/v1/books/"),
    ("patch", "/api/v1/books/1/"),
    ("delete", "/api/v1/books/1"),
    ("post", "/api/v1/books/1/restock/"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_changes_are_for_staff(client: Client, store: Store, db: None, method: str, path: str) -> None:
    call = getattr(client, method)
    response = call(path, "{}", content_type="application/json")
    assert (response.status_code, code_of(response)) == (401, "not_authenticated")
    assert "WWW-Authenticate" in response
    client.force_login(User.objects.create_user("bob"))
    response = call(path, "{}", content_type="application/json")
    assert (response.status_code, code_of(response)) == (403, "permission_denied")
    assert store.asked == []


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_staffs_changes_go_on_with_their_name(staff: Client, store: Store, method: str, path: str) -> None:
    response = getattr(staff, method)(path, "{}", content_type="application/json", headers={"If-Match": '"x"'})
    assert response.status_code < 300
    asked = store.asked[-1]
    assert (asked.method, asked.path.rstrip("/")) == (method.upper(), path.rstrip("/"))
    assert asked.headers == {headers.ACTING_USER: "ann", "If-Match": '"x"'}


def test_all_orders_are_for_staff(client: Client, staff: Client, store: Store) -> None:
    assert code_of(client.get("/api/v1/orders/")) == "not_authenticated"
    assert staff.get("/api/v1/orders/?book=1").status_code == 200
    assert store.asked[-1].path == "/api/v1/orders/?book=1"
    assert store.asked[-1].headers == {headers.ACTING_USER: "ann"}


@pytest.mark.parametrize("credentials", ["Basic eDp5", "Basic !", "Token x", "Token"])
def test_wrong_credentials_are_refused_also_where_none_are_needed(client: Client, db: None, credentials: str) -> None:
    client.get("/product/1")
    response = client.get("/product/1", headers={"Authorization": credentials})
    assert (response.status_code, code_of(response)) == (401, "not_authenticated")


def test_internal_routes_are_not_for_outsiders(client: Client) -> None:
    assert code_of(post(client, "/internal/push/", {"timeline": fakes.TIMELINE})) == "not_authenticated"


# --------------------------------------------------------------------------------------------------- people


def page(client: Client, path: str) -> str:
    response = client.get(path, headers={"Accept": "text/html"})
    assert response["Content-Type"].startswith("text/html")
    return str(response.content.decode())


def test_visitors_see_books_and_a_form_to_buy_and_none_to_change(client: Client) -> None:
    shown = page(client, "/api/v1/books/1/")
    assert "Book 1" in shown
    assert "PATCH" not in shown.replace("GET, PATCH", "")
    assert "btn-danger" not in shown
    assert 'name="quantity"' in page(client, "/api/v1/orders/")
    assert 'name="quantity"' in page(client, "/purchase/1")
    assert 'name="title"' not in page(client, "/api/v1/books/")


def test_staff_see_forms_to_change(staff: Client) -> None:
    shown = page(staff, "/api/v1/books/1/")
    assert 'data-method="PATCH"' in shown
    assert 'data-method="DELETE"' in shown
    assert "&quot;price&quot;: &quot;10.00&quot;" in shown, "the form shows what is there"
    assert 'name="title"' in page(staff, "/api/v1/books/")
    assert 'name="quantity"' in page(staff, "/api/v1/books/1/restock/")


def test_pages_of_a_list_have_links_to_one_another(client: Client, store: Store) -> None:
    listed = {"count": 2, "next": "/api/v1/books/?page=3", "previous": "/api/v1/books/", "results": []}
    store.behaviours = {"catalog-1": fakes.answer_with(fakes.json_reply(listed))}
    assert 'href="/api/v1/books/?page=3"' in page(client, "/api/v1/books/?page=2")


def test_problems_are_pages_too(client: Client, store: Store) -> None:
    assert "not_found" in page(client, "/product/99")


def test_the_pages_of_the_site_need_nothing_from_outside(client: Client) -> None:
    for path in ("/", "/cluster/", "/api/docs/"):
        shown = page(client, path)
        assert 'src="http' not in shown
        assert 'href="http' not in shown


def test_the_cluster_page_escapes_what_clients_sent(client: Client) -> None:
    client.get("/product/99?<script>alert(1)</script>")
    assert "<script>alert" not in page(client, "/cluster/")


def test_the_cluster_shows_nodes_cache_requests_and_events(client: Client, front: Front) -> None:
    client.get("/product/1")
    client.get("/product/1")
    front.checkers[0].check()
    front.breakers.failed(fakes.CATALOG_2, "does not answer")
    told = client.get("/api/v1/cluster/").json()
    states = {node["name"]: node["state"] for node in told["nodes"]}
    assert states == {
        "front": "up",
        "catalog-1": "up",
        "catalog-2": "out",
        "order-1": "unknown",
        "order-2": "unknown",
    }
    assert (told["cache"]["hits"], told["cache"]["misses"], told["cache"]["keys"]) == (1, 1, ["book:1"])
    newest, older = told["requests"]
    assert (newest["cache"], newest["trace"]) == ("hit", [])
    assert [step["result"] for step in older["trace"]] == ["200"]
    assert told["events"][0]["node"] == "catalog-2"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1 hit, 1 miss, 1 bypass, 1 eviction, 1 expiry, 1 invalidation<"),
        (2, "2 hits, 2 misses, 2 bypasses, 2 evictions, 2 expiries, 2 invalidations<"),
    ],
)
def test_the_cluster_page_counts_in_words_that_fit(number: int, words: str) -> None:
    counted = dict.fromkeys(("hits", "misses", "bypasses", "evictions", "expiries", "invalidations"), number)
    shown = render_to_string("frontend_app/cluster_live.html", {"cache": counted})
    assert words in " ".join(shown.split())


def test_the_schema_is_valid(client: Client) -> None:
    from openapi_spec_validator import validate
    from yaml import safe_load

    validate(safe_load(client.get("/api/schema/").content))
