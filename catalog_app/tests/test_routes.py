"""Every route of a catalog replica: what it answers, in both spellings, and to whom."""

import json
import re
import time
from typing import Any

import pytest
from django.contrib.auth.models import User

from bookstore_project.api import etags, headers
from bookstore_project.api.tests.api import as_node, assert_problem, new_client, send
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor, rows
from bookstore_project.settings import topology
from catalog_app.services import book_update

pytestmark = pytest.mark.usefixtures("node")

BOOK_1 = {
    "id": 1,
    "title": "How to get a good grade in DOS in 40 minutes a day",
    "authors": "",
    "isbn13": None,
    "topic": "distributed systems",
    "price": "30.00",
    "quantity": 50,
    "version": 1,
}
NEW = {"title": "T", "topic": "t", "price": "9.90", "quantity": 2}


@pytest.mark.parametrize("path", ["/api/v1/books/1", "/product/1", "/info/1"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_book_has_three_addresses(path: str, slash: str) -> None:
    answer = send("GET", path + slash)
    assert (answer.status_code, answer.json()) == (200, BOOK_1)
    assert list(answer.json()) == list(BOOK_1)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["ETag"] == etags.etag_of(answer.content)
    assert answer.headers[headers.LOG_POSITION] == str(floor("catalog"))
    assert len(answer.headers[headers.REQUEST_ID]) == 32
    assert re.fullmatch(r"app;dur=[\d.]+", answer.headers[headers.SERVER_TIMING])


@pytest.mark.parametrize("path", ["/api/v1/books", "/api/v1/books/", "/search/spring term", "/search/spring%20term/"])
def test_lists_answer_with_and_without_slash(path: str) -> None:
    answer = send("GET", path)
    assert answer.status_code == 200
    assert list(answer.json()) == ["count", "next", "previous", "results"]


def ids(query: str) -> list[int]:
    return [book["id"] for book in send("GET", f"/api/v1/books/?{query}").json()["results"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("topic=spring+term", [5, 6, 7]),
        ("topic=nothing", []),
        ("search=NOOBS", [2]),
        ("search=surviving+xen", [3]),
        ("search=%25", []),
        ("search=how&topic=spring+term", [5]),
        ("ordering=-price&page_size=2", [1, 2]),
        ("ordering=title&page_size=1", [4]),
        ("page=2&page_size=3", [4, 5, 6]),
        ("unknown=1&page_size=1", [1]),
        ("topic=&search=", [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_books_are_filtered_searched_ordered_and_paged(query: str, found: list[int]) -> None:
    assert ids(query) == found


def test_page_links_are_paths_that_keep_the_filters() -> None:
    answer = send("GET", "/api/v1/books/?topic=spring+term&page_size=1&page=2", sent={"Host": "localhost"}).json()
    assert answer["count"] == 3
    assert answer["next"] == "/api/v1/books/?topic=spring+term&page_size=1&page=3"
    assert answer["previous"] == "/api/v1/books/?topic=spring+term&page_size=1&page=1"
    assert send("GET", answer["next"]).json()["next"] is None


def test_a_topic_lists_id_and_title() -> None:
    page = send("GET", "/search/undergraduate school").json()
    assert page["results"] == [
        {"id": 3, "title": "Xen and the Art of Surviving Undergraduate School"},
        {"id": 4, "title": "Cooking for the Impatient Undergrad"},
    ]
    assert send("GET", "/search/unheard of").json() == {"count": 0, "next": None, "previous": None, "results": []}


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page=",
        "page=1.5",
        "page=-1",
        "page_size=0",
        "page_size=101",
        "ordering=isbn",
        "search=%00",
    ],
)
def test_nonsense_in_a_query_names_the_parameter(query: str) -> None:
    problem = assert_problem(send("GET", f"/api/v1/books/?{query}"), 400, "validation_error")
    assert list(problem["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("page", ["2", "999999999999999999999999999999"])
def test_a_page_past_the_end_is_not_found(page: str) -> None:
    assert_problem(send("GET", f"/api/v1/books/?page={page}"), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["/product/0", "/product/99", "/info/99999999999999999999", "/product/x", "/nothing"]
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert_problem(send("GET", path), 404, "not_found")


# --------------------------------------------------------------------------------------------------- staff


@pytest.mark.parametrize("slash", ["", "/"])
def test_staff_creates_edits_restocks_and_retires(slash: str) -> None:
    created = send("POST", f"/api/v1/books{slash}", NEW, as_user="ann")
    assert (created.status_code, created.headers["Location"]) == (201, "/api/v1/books/8/")
    edited = send("PATCH", f"/api/v1/books/8{slash}", {"price": 5, "isbn13": "978-0-306-40615-7"}, as_user="ann")
    assert (edited.status_code, edited.json()["price"], edited.json()["isbn13"]) == (200, "5.00", "9780306406157")
    restocked = send("POST", f"/api/v1/books/8/restock{slash}", {"quantity": 5}, as_user="ann")
    assert (restocked.status_code, restocked.json()["quantity"]) == (200, 7)
    assert send("GET", "/api/v1/books/8/").json() == restocked.json()
    retired = send("DELETE", f"/api/v1/books/8{slash}", as_user="ann")
    assert (retired.status_code, retired.content) == (204, b"")
    assert_problem(send("GET", "/api/v1/books/8/"), 404, "not_found")
    assert rows("catalog-1", "SELECT DISTINCT actor FROM catalog_app_ledgerentry WHERE book_id = 8") == [("ann",)]
    assert_copies_equal("catalog")


def test_a_write_tells_its_position() -> None:
    answer = send("PATCH", "/api/v1/books/1/", {"price": 5}, as_user="ann")
    assert answer.headers[headers.LOG_POSITION] == str(floor("catalog"))


def test_a_repeated_key_is_answered_from_memory() -> None:
    sent = {headers.IDEMPOTENCY_KEY: "k" * 16}
    first = send("POST", "/api/v1/books/1/restock/", {"quantity": 5}, as_user="ann", sent=sent)
    again = send("POST", "/api/v1/books/1/restock/", {"quantity": 5}, as_user="ann", sent=sent)
    assert first.content == again.content
    assert headers.IDEMPOTENT_REPLAYED not in first.headers
    assert again.headers[headers.IDEMPOTENT_REPLAYED] == "true"
    other = send("POST", "/api/v1/books/1/restock/", {"quantity": 6}, as_user="ann", sent=sent)
    assert_problem(other, 422, "idempotency_conflict")


def test_if_match_guards_an_edit() -> None:
    tag = send("GET", "/product/1").headers["ETag"]
    assert send("PATCH", "/api/v1/books/1/", {"price": 5}, as_user="ann", sent={"If-Match": tag}).status_code == 200
    for method, path, body in (
        ("PATCH", "", {"price": 6}),
        ("DELETE", "", None),
        ("POST", "restock/", {"quantity": 1}),
    ):
        late = send(method, f"/api/v1/books/1/{path}", body, as_user="ann", sent={"If-Match": tag})
        assert_problem(late, 412, "precondition_failed")


WRITES = [
    ("POST", "/api/v1/books/", NEW),
    ("PATCH", "/api/v1/books/1/", {"price": 1}),
    ("DELETE", "/api/v1/books/1/", None),
    ("POST", "/api/v1/books/1/restock/", {"quantity": 1}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_only_staff_changes_books(method: str, path: str, body: Any) -> None:
    before = floor("catalog")
    anonymous = send(method, path, body)
    assert_problem(anonymous, 401, "not_authenticated")
    assert anonymous.headers["WWW-Authenticate"].startswith("Basic")
    assert_problem(send(method, path, body, as_user="bob"), 403, "permission_denied")
    for credentials in ("Basic !", "Basic YW5uOndyb25n", "Basic", "Token nonsense", "Token", "Basic YW4AbjpwAHc="):
        refused = send(method, path, body, sent={"Authorization": credentials})
        assert_problem(refused, 401, "not_authenticated")
    assert floor("catalog") == before


def test_a_session_without_csrf_token_changes_nothing() -> None:
    client = new_client()
    client.force_login(User.objects.get(username="ann"))
    answer = client.patch("/api/v1/books/1/", b'{"price": 1}', content_type="application/json")
    assert_problem(answer, 403, "permission_denied")
    assert send("GET", "/product/1").json()["price"] == "30.00"


def test_a_front_acts_for_staff_with_the_service_token() -> None:
    answer = send("PATCH", "/api/v1/books/1/", {"quantity": 1}, sent=as_node(**{headers.ACTING_USER: "zoe"}))
    assert answer.status_code == 200
    actor = rows("catalog-1", "SELECT actor FROM catalog_app_ledgerentry ORDER BY id DESC LIMIT 1")
    assert actor == [("zoe",)]
    assert_problem(send("PATCH", "/api/v1/books/1/", {"quantity": 2}, sent=as_node()), 403, "permission_denied")
    forged = {headers.SERVICE_TOKEN: "guessed", headers.ACTING_USER: "ann"}
    assert_problem(send("PATCH", "/api/v1/books/1/", {"quantity": 2}, sent=forged), 401, "not_authenticated")
    alone = {headers.ACTING_USER: "ann"}
    assert_problem(send("PATCH", "/api/v1/books/1/", {"quantity": 2}, sent=alone), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/books/", NEW),
        ("PATCH", "/api/v1/books/1/", {"price": 5}),
        ("POST", "/api/v1/books/1/restock/", {"quantity": 5}),
        ("DELETE", "/api/v1/books/1/", None),
    ],
)
def test_a_late_change_is_refused_to_nodes_and_only_they_have_deadlines(method: str, path: str, body: Any) -> None:
    late = as_node(**{headers.ACTING_USER: "ann", headers.DEADLINE: "1"})
    refusal = assert_problem(send(method, path, body, sent=late), 503, "unavailable")
    assert "after its deadline" in refusal["detail"]
    assert send(method, path, body, as_user="ann", sent={headers.DEADLINE: "1"}).status_code < 300


@pytest.mark.parametrize("path", ["/api/v1/books/", "/api/v1/books/1/", "/search/distributed%20systems"])
def test_nobody_reads_for_a_node_that_waits_no_longer(path: str) -> None:
    assert_problem(send("GET", path, sent=as_node(**{headers.DEADLINE: "1"})), 503, "unavailable")
    assert send("GET", path, sent=as_node(**{headers.DEADLINE: f"{time.time() + 60}"})).status_code == 200
    assert send("GET", path, sent={headers.DEADLINE: "1"}).status_code == 200


def test_a_replica_that_cannot_promise_answers_503() -> None:
    topology.witness_file("catalog").unlink()
    for path in ("/product/1", "/api/v1/books/", "/search/x"):
        assert "witness" in assert_problem(send("GET", path), 503, "unavailable")["detail"]
    assert_problem(send("PATCH", "/api/v1/books/1/", {"price": 1}, as_user="ann"), 503, "unavailable")
    assert_problem(send("GET", "/internal/status/", sent=as_node()), 503, "unavailable")
    assert send("GET", "/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/schema/", "/api/docs/"])
def test_every_node_has_its_service_routes(path: str) -> None:
    for spelling in (path.rstrip("/"), path.rstrip("/") + "/"):
        assert send("GET", spelling).status_code == 200
        assert send("POST", spelling).status_code == 405


def test_the_docs_load_nothing_from_elsewhere() -> None:
    page = send("GET", "/api/docs/", sent={"Accept": "text/html"}).content.decode()
    assert "swagger" in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_bodies_are_the_same_bytes_as_json_dumps_them() -> None:
    assert send("GET", "/product/1").content == json.dumps(BOOK_1, separators=(",", ":")).encode()


@pytest.mark.parametrize(("stock", "expected"), [("low", [2]), ("out", [3])])
def test_what_runs_low_and_what_is_sold_out_can_be_listed(node: None, stock: str, expected: list[int]) -> None:
    for book_id, copies in ((2, 19), (3, 0), (4, 20)):
        book_update(book_id=book_id, fields={"quantity": copies}, actor="ann")
    assert [book["id"] for book in send("GET", f"/api/v1/books/?stock={stock}").json()["results"]] == expected
