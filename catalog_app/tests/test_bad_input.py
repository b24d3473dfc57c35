"""Bad input: each gets its own 4xx problem, never a 500, and nothing is half-written."""

import gzip
import json
from typing import Any

import pytest

from bookstore_project.api.tests.api import assert_problem, send
from bookstore_project.replication.tests.support.replica_files import assert_copies_equal, floor

pytestmark = pytest.mark.usefixtures("node")

NEW = {"title": "T", "topic": "t", "price": "9.90", "quantity": 2}
FORM = "application/x-www-form-urlencoded"

WRONG_FIELDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no title": ({"title": None}, ["title"]),
    "blank title": ({"title": "  "}, ["title"]),
    "long title": ({"title": "x" * 501}, ["title"]),
    "number as title": ({"title": 5}, ["title"]),
    "list as title": ({"title": ["x"]}, ["title"]),
    "NUL in title": ({"title": "a\x00b"}, ["title"]),
    "title that can't be seen": ({"title": "\u200b\u3164\u00a0"}, ["title"]),
    "ESC in title": ({"title": "\x1b[31mred"}, ["title"]),
    "an override in authors": ({"authors": "safe\u202egpj.exe"}, ["authors"]),
    "an isolate and a delete in title and topic": ({"title": "a\u2066b", "topic": "a\x7f"}, ["title", "topic"]),
    "BEL in isbn": ({"isbn13": "9780306406157\x07"}, ["isbn13"]),
    "object as topic": ({"topic": {"a": 1}}, ["topic"]),
    "negative price": ({"price": "-1"}, ["price"]),
    "price with three decimals": ({"price": "1.234"}, ["price"]),
    "price in words": ({"price": "ten"}, ["price"]),
    "price NaN in a string": ({"price": "NaN"}, ["price"]),
    "price infinite in a string": ({"price": "Infinity"}, ["price"]),
    "price with exponent": ({"price": "1e3"}, ["price"]),
    "price of other digits": ({"price": "٣"}, ["price"]),
    "huge price": ({"price": 10**20}, ["price"]),
    "price true": ({"price": True}, ["price"]),
    "negative quantity": ({"quantity": -1}, ["quantity"]),
    "huge quantity": ({"quantity": 10**30}, ["quantity"]),
    "half a copy": ({"quantity": 1.5}, ["quantity"]),
    "quantity null": ({"quantity": None}, ["quantity"]),
    "quantity true": ({"quantity": True}, ["quantity"]),
    "quantity with underscore": ({"quantity": "1_0"}, ["quantity"]),
    "isbn with wrong check digit": ({"isbn13": "9780306406158"}, ["isbn13"]),
    "EAN of something else": ({"isbn13": "4006381333931"}, ["isbn13"]),
    "nothing but zeros as isbn": ({"isbn13": "0000000000000"}, ["isbn13"]),
    "isbn of ten digits": ({"isbn13": "0306406152"}, ["isbn13"]),
    "isbn as a number": ({"isbn13": 9780306406157}, ["isbn13"]),
    "unknown field": ({"colour": "red"}, ["colour"]),
    "id chosen": ({"id": 9}, ["id"]),
    "version chosen": ({"version": 9}, ["version"]),
    "several at once": ({"title": 5, "price": "x", "colour": 1}, ["colour", "price", "title"]),
}


@pytest.mark.parametrize("case", WRONG_FIELDS)
def test_every_wrong_field_is_named(case: str) -> None:
    wrong, fields = WRONG_FIELDS[case]
    before = floor("catalog")
    for method, path, body in (("POST", "/api/v1/books/", {**NEW, **wrong}), ("PATCH", "/api/v1/books/1/", wrong)):
        problem = assert_problem(send(method, path, body, as_user="ann"), 400, "validation_error")
        assert sorted(problem["errors"]) == fields
        assert all(sentence for sentences in problem["errors"].values() for sentence in sentences)
    assert floor("catalog") == before


@pytest.mark.parametrize(
    ("method", "path", "wrong", "told"),
    [
        ("PATCH", "/api/v1/books/1/", {"price": "-0.01"}, "A price can't be below zero."),
        ("POST", "/api/v1/books/", NEW | {"quantity": -1}, "There can't be fewer than 0 copies in stock."),
        ("POST", "/api/v1/books/1/restock/", {"quantity": -3}, "A restock brings 1 copy or more."),
        ("POST", "/api/v1/books/1/restock/", {"quantity": 10**7}, "A restock brings 1,000,000 copies at most."),
    ],
)
def test_what_no_shop_can_have_is_refused_in_words(method: str, path: str, wrong: dict[str, Any], told: str) -> None:
    assert told in assert_problem(send(method, path, wrong, as_user="ann"), 400, "validation_error")["detail"]


def test_a_character_that_is_refused_has_its_name_in_the_answer() -> None:
    answer = send("POST", "/api/v1/books/", {**NEW, "title": "a\x1b[0m", "authors": "b\u202e"}, as_user="ann")
    assert assert_problem(answer, 400, "validation_error")["errors"] == {
        "title": ["U+001B ESCAPE (character 2) isn't allowed in a text."],
        "authors": ["U+202E RIGHT-TO-LEFT OVERRIDE (character 2) isn't allowed in a text."],
    }


def test_texts_are_taken_in_their_one_form() -> None:
    texts = {"title": "Cafe\u0301\u00a0 de\u200b Flore ", "authors": "\u200eA.\tB", "topic": "e\u0301ssais\u2009"}
    answer = send(
        "POST", "/api/v1/books/", {**NEW, **texts, "isbn13": "978\u20110\u20113064\u20110615\u20117"}, as_user="ann"
    )
    assert answer.status_code == 201
    book = answer.json()
    assert (book["title"], book["authors"], book["topic"]) == ("Café de Flore", "A. B", "éssais")
    assert book["isbn13"] == "9780306406157"


@pytest.mark.parametrize(
    ("field", "number", "value"),
    [
        *(
            ("price", "9.99", "9.99"),
            ("price", "9.9900", "9.99"),
            ("price", "999e-2", "9.99"),
            ("price", "1e1", "10.00"),
        ),
        *(("price", "7", "7.00"), ("price", "-0.0", "0.00"), ("price", "99999999.99", "99999999.99")),
        *(("quantity", "1e0", 1), ("quantity", "1.0", 1), ("quantity", "10.00e-1", 1), ("quantity", "-0.0", 0)),
    ],
)
def test_a_number_counts_by_what_it_is_worth(field: str, number: str, value: Any) -> None:
    answer = send("PATCH", "/api/v1/books/1/", f'{{"{field}": {number}}}'.encode(), as_user="ann")
    assert (answer.status_code, answer.json().get(field)) == (200, value)


@pytest.mark.parametrize(
    ("field", "number"),
    [
        *(("price", "9.99000000000000000001"), ("price", "9.994999999999999999999"), ("price", "99999999.990000001")),
        *(("price", "1e-300"), ("price", "1e300"), ("quantity", "1.00000000000000000001"), ("quantity", "1e-20")),
        *(("quantity", "1000000000.0000000001"), ("quantity", "1e30"), ("quantity", "0.99999999999999999999")),
    ],
)
def test_a_number_that_a_double_would_round_is_refused_by_name(field: str, number: str) -> None:
    answer = send("PATCH", "/api/v1/books/1/", f'{{"{field}": {number}}}'.encode(), as_user="ann")
    assert list(assert_problem(answer, 400, "validation_error")["errors"]) == [field]


def test_missing_fields_are_named() -> None:
    problem = assert_problem(send("POST", "/api/v1/books/", {}, as_user="ann"), 400, "validation_error")
    assert sorted(problem["errors"]) == ["price", "title", "topic"]
    assert_problem(send("POST", "/api/v1/books/1/restock/", {}, as_user="ann"), 400, "validation_error")


@pytest.mark.parametrize("quantity", [0, -1, 10**6 + 1, "x", None, [], 1.5])
def test_a_restock_adds_a_sensible_number(quantity: Any) -> None:
    answer = send("POST", "/api/v1/books/1/restock/", {"quantity": quantity}, as_user="ann")
    assert_problem(answer, 400, "validation_error")


@pytest.mark.parametrize("body", [[1], "x", 5, None, True])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    answer = send("POST", "/api/v1/books/", json.dumps(body).encode(), as_user="ann")
    assert_problem(answer, 400, "validation_error")


BROKEN = {
    "half": b'{"title": ',
    "two texts": b"{} {}",
    "NaN": b'{"price": NaN}',
    "Infinity": b'{"price": -Infinity}',
    "repeated name": b'{"price": 1, "price": 2}',
    "not UTF-8": b'{"title": "\xff"}',
    "UTF-16": '{"title": "x"}'.encode("utf-16"),
    "half a surrogate pair": b'{"title": "\\ud800"}',
    "bottomless list": b"[" * 100_000,
    "bottomless object": b'{"a":' * 100_000,
    "an endless number": b'{"quantity": ' + b"9" * 5000 + b"}",
    "a control character": b'{"title": "a\x01b"}',
    "single quotes": b"{'title': 1}",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_json_is_a_parse_error(case: str) -> None:
    assert_problem(send("PATCH", "/api/v1/books/1/", BROKEN[case], as_user="ann"), 400, "parse_error")


LARGE = b"x" * 2_000_000
PART = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n%s\r\n--x--\r\n'
TOO_LARGE = {
    "JSON": ("application/json", b'{"title": "' + LARGE + b'"}'),
    "form": (FORM, b"title=" + LARGE),
    "multipart": ("multipart/form-data; boundary=x", PART % LARGE),
}


@pytest.mark.parametrize("kind", TOO_LARGE)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_body_over_a_mebibyte_is_too_large(method: str, kind: str) -> None:
    content_type, body = TOO_LARGE[kind]
    path = "/api/v1/books/" if method == "POST" else "/api/v1/books/1/"
    answer = send(method, path, body, as_user="ann", content_type=content_type)
    assert_problem(answer, 413, "payload_too_large")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=latin-1", "nonsense"]
)
def test_other_content_types_are_not_read(content_type: str) -> None:
    answer = send("PATCH", "/api/v1/books/1/", b'{"price": 1}', as_user="ann", content_type=content_type)
    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["gzip", "br", "nonsense"])
def test_coded_bodies_are_not_read(coding: str) -> None:
    body = gzip.compress(b'{"price": 1}')
    answer = send("PATCH", "/api/v1/books/1/", body, as_user="ann", sent={"Content-Encoding": coding})
    assert_problem(answer, 415, "unsupported_media_type")


def test_a_body_that_says_it_is_plain_is_read() -> None:
    answer = send("PATCH", "/api/v1/books/1/", {"price": 1}, as_user="ann", sent={"Content-Encoding": "identity"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/product/1", "/api/v1/books/", "/product/99"])
@pytest.mark.parametrize("accepted", ["application/xml", "image/png", "nonsense"])
def test_what_cannot_be_represented_is_not_acceptable(path: str, accepted: str) -> None:
    assert_problem(send("GET", path, sent={"Accept": accepted}), 406, "not_acceptable")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/books/1/"),
        ("POST", "/product/1"),
        ("DELETE", "/api/v1/books/"),
        ("BREW", "/product/1"),
        ("TRACE", "/product/1"),
    ],
)
def test_other_methods_are_not_allowed(method: str, path: str) -> None:
    answer = send(method, path, as_user="ann")
    assert_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("key", ["short", "x" * 256, "with a space in it", "é" * 20, ""])
def test_a_key_has_a_shape(key: str) -> None:
    answer = send("POST", "/api/v1/books/1/restock/", {"quantity": 1}, as_user="ann", sent={"Idempotency-Key": key})
    assert_problem(answer, 400, "validation_error")


@pytest.mark.parametrize(
    "body",
    [b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"--x", b"\0\0", b"--x\r\n" * 5000, b""],
)
def test_broken_forms_are_refused(body: bytes) -> None:
    answer = send("POST", "/api/v1/books/", body, as_user="ann", content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_form_with_too_many_fields_is_refused() -> None:
    body = "&".join(f"f{number}=1" for number in range(2000)).encode()
    answer = send("POST", "/api/v1/books/", body, as_user="ann", content_type=FORM)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_form_without_boundary_is_refused() -> None:
    answer = send("POST", "/api/v1/books/", b"x", as_user="ann", content_type="multipart/form-data")
    assert_problem(answer, 400, "parse_error")


@pytest.mark.parametrize(
    "path", ["/search/%00", "/search/%ff", "/search/" + "x" * 3000, "/product/%ff", "/search/..%2f"]
)
def test_odd_addresses_break_nothing(path: str) -> None:
    assert send("GET", path).status_code in (200, 404)


def test_a_foreign_host_is_refused_as_a_problem() -> None:
    assert_problem(send("GET", "/product/1", sent={"Host": "evil.example"}), 400, "parse_error")


def test_nothing_of_all_this_was_written() -> None:
    before = floor("catalog")
    for case in BROKEN.values():
        send("POST", "/api/v1/books/", case, as_user="ann")
    assert floor("catalog") == before
    assert_copies_equal("catalog")
