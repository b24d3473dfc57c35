"""What the schema says of a value is what is accepted: no more, no less."""

import dataclasses
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker
from rest_framework import serializers

from bookstore_project.api import cursors, problems
from bookstore_project.api.fields import Isbn13Field, PriceField, YesNoField
from bookstore_project.api.idempotency import checked_key
from bookstore_project.api.query_parameters import DayQuery, OrderFilters
from bookstore_project.api.representations import MAX_BOOK_ID, MAX_PRICE, BookFields, RefundInput
from bookstore_project.nodes.deadlines import parse_timeout_s
from frontend_app import urls
from frontend_app.cache.shared.cache import SharedStatus
from frontend_app.dashboard import documents
from frontend_app.dashboard import serializers as dashboard
from frontend_app.monitoring.journal import ShownEvent, ShownRequest
from frontend_app.monitoring.trace import ShownStep

Operation = dict[str, Any]


@cache
def schema() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    made: dict[str, Any] = generator(patterns=urls.urlpatterns).get_schema(public=True)
    return made


def operation(method: str, path: str) -> Operation:
    found: Operation = schema()["paths"][path][method]
    return found


def parameter(method: str, path: str, name: str) -> dict[str, Any]:
    (found,) = [each["schema"] for each in operation(method, path)["parameters"] if each["name"] == name]
    return dict(found)


def is_accepted(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except (serializers.ValidationError, problems.StoreError):
        return False
    return True


def price() -> PriceField:
    field = BookFields().fields["price"]
    assert isinstance(field, PriceField)
    return field


@pytest.mark.parametrize("path", ["/api/v1/books/", "/search/{topic}", "/api/v1/orders/"])
def test_pages_begin_at_one(path: str) -> None:
    assert parameter("get", path, "page")["minimum"] == 1
    size = parameter("get", path, "page_size")
    assert (size["minimum"], size["maximum"], size["default"]) == (1, 100, 20)


@pytest.mark.parametrize("path", ["/api/v1/books/", "/api/v1/orders/"])
def test_lists_that_change_have_pages_by_key(path: str) -> None:
    after = parameter("get", path, "after")
    assert (after["type"], after["maxLength"]) == ("string", cursors.LONGEST)


def test_orderings_are_those_that_there_are() -> None:
    assert "-price" in parameter("get", "/api/v1/books/", "ordering")["enum"]
    assert parameter("get", "/api/v1/orders/", "book")["minimum"] == 1


def test_ids_of_books_begin_at_one() -> None:
    of_books = [
        parameter(method, path, "book_id")
        for path, operations in schema()["paths"].items()
        if "{book_id}" in path
        for method in operations
    ]
    assert of_books
    assert all((each["minimum"], each["maximum"]) == (1, MAX_BOOK_ID) for each in of_books)


def test_unknown_fields_are_refused_as_the_schema_says() -> None:
    inputs = {name: each for name, each in schema()["components"]["schemas"].items() if name.endswith("Request")}
    assert {"BookFieldsRequest", "PurchaseInputRequest", "RestockInputRequest"} <= inputs.keys()
    kinds = [(name, kind) for name, each in inputs.items() for kind in each.get("oneOf", [each])]
    assert [name for name, kind in kinds if kind.get("additionalProperties") is not False] == []


def test_a_login_is_asked_for_where_one_is_needed() -> None:
    assert "security" not in operation("get", "/product/{book_id}")
    assert "security" not in operation("post", "/purchase/{book_id}")
    assert {"basic": []} in operation("post", "/api/v1/books/")["security"]
    assert {"basic": []} in operation("get", "/api/v1/orders/")["security"]


PRICES = st.from_regex(r"-?[0-9]{0,10}(\.[0-9]{0,3})?", fullmatch=True) | st.text(max_size=6)


@given(PRICES.filter(lambda text: text == text.strip()))
@example("")
@example(".")
@example("-0")
@example("1.")
@example(".5")
@example("9.900")
@example(str(MAX_PRICE))
@example("100000000")
@settings(deadline=None)
def test_prices_are_taken_as_the_schema_says(text: str) -> None:
    schemas = schema()["components"]["schemas"]["BookFieldsRequest"]["properties"]["price"]["anyOf"]
    says = bool(re.search(schemas[0]["pattern"], text, re.ASCII)) and "\n" not in text
    if text not in ("-0", "-0.0", "-0.00") and not re.fullmatch("-0+([.]0{1,2})?", text):  # Zero, after all.
        assert is_accepted(price().run_validation, text) is says


NUMBERS = st.from_regex(r"\s?(order|Order|#)?[\s-]?([0-9a-fA-F][- ]?){2,34}", fullmatch=True) | st.text(max_size=6)


@pytest.mark.parametrize("text", ["0", "0.00", "0.01", "1", "10.00"])
def test_refunds_are_taken_as_the_schema_says(text: str) -> None:
    asked = schema()["components"]["schemas"]["RefundInputRequest"]["properties"]["amount"]["anyOf"]
    is_enough = is_accepted(RefundInput().fields["amount"].run_validation, text)
    assert (re.search(asked[0]["pattern"], text) is not None) is is_enough
    assert (float(text) >= asked[1]["minimum"]) is is_enough


@given(NUMBERS)
@example("ABCD 1234")
@example(" ORDER # abcd")
@example("# abcd-1234\n")
@example("abc")
@example("a" * 33)
@example("")
@settings(deadline=None)
def test_numbers_of_orders_are_taken_as_the_schema_says(text: str) -> None:
    says = re.search(parameter("get", "/api/v1/orders/", "number")["pattern"], text) is not None
    assert is_accepted(OrderFilters().fields["number"].run_validation, text) is says


@given(st.dates().map(str) | st.from_regex(r"[0-9]{1,5}-?[0-9]{1,2}-?[0-9]{1,2}", fullmatch=True))
@example("1969-12-31")
@example("1970-01-01")
@example("9000-12-31")
@example("9001-01-01")
@example("2030-02-30")
@example("20300101")
@example("2030-1-1")
@example("2030-W01-1")
@settings(deadline=None)
def test_days_are_taken_as_the_schema_says(text: str) -> None:
    says = parameter("get", "/api/v1/orders/day/", "date")
    is_date = says["format"] == "date" and OAS30ReadValidator(says, format_checker=oas30_format_checker).is_valid(
        text
    )
    assert is_accepted(DayQuery().fields["date"].run_validation, text) is is_date


@given(st.from_regex(r"[0-9]{0,11}(\.[0-9]{0,10})?", fullmatch=True) | st.text(max_size=4))
@example("0")
@example("0.0")
@example("0.000000001")
@settings(deadline=None)
def test_time_limits_are_taken_as_the_schema_says(text: str) -> None:
    pattern = parameter("get", "/product/{book_id}", "X-Request-Timeout")["pattern"]
    assert is_accepted(parse_timeout_s, text) is (bool(re.search(pattern, text)) and "\n" not in text)


@given(st.text(st.characters(max_codepoint=0x17F), min_size=14, max_size=18))
@example("x" * 16)
@example("x" * 255)
@example("x" * 256)
@settings(deadline=None)
def test_keys_are_taken_as_the_schema_says(text: str) -> None:
    pattern = parameter("post", "/api/v1/orders/", "Idempotency-Key")["pattern"]
    assert is_accepted(checked_key, text) is (bool(re.search(pattern, text)) and "\n" not in text)


@pytest.mark.parametrize("isbn", [None, "9780306406157"])
def test_a_book_is_what_the_schema_says_with_and_without_isbn(isbn: str | None) -> None:
    book = {"id": 1, "title": "T", "authors": "", "isbn13": isbn, "topic": "t", "price": "1.00", "quantity": 0}
    components = schema()["components"]
    validator = OAS30ReadValidator({**components["schemas"]["BookFields"], "components": components})
    assert list(validator.iter_errors({**book, "version": 1})) == []


@given(st.text(max_size=8))
@example("")
@example(" ")
@example("\0")
@example("\u202e")
@example("\u200b")
@example("caf\u00e9")
@example("\U0001f4d6")
@settings(deadline=None, database=None)
def test_texts_are_taken_as_the_schema_says(text: str) -> None:
    # Beyond the first plane, and for combining characters alone, a pattern can't say it.
    assume(all(character < "\U00010000" or character == "\U0001f4d6" for character in text))
    assume(
        not all(unicodedata.combining(character) or unicodedata.category(character)[0] in "CMZ" for character in text)
        or len(text) < 2
    )
    assume("\n" not in text and "\r" not in text)
    for name in ("title", "authors"):
        (says,) = schema()["components"]["schemas"]["BookFieldsRequest"]["properties"][name]["anyOf"]
        assert is_accepted(BookFields().fields[name].run_validation, text) is bool(
            re.search(says["pattern"], text)
        ), name


@pytest.mark.parametrize("text", ["978-0-306-40615-7", "978 0306406157", "9780306406157"])
def test_isbns_fit_the_pattern_with_and_without_hyphens(text: str) -> None:
    isbn, empty = schema()["components"]["schemas"]["BookFieldsRequest"]["properties"]["isbn13"]["anyOf"]
    assert re.search(isbn["pattern"], text)
    assert Isbn13Field().run_validation(text) == "9780306406157"
    assert empty["maxLength"] == 0


@pytest.mark.parametrize(("sent", "taken"), [(True, True), (False, False), ("true", True), ("false", False)])
def test_yes_and_no_are_spelled_out(sent: object, taken: bool) -> None:
    assert YesNoField().run_validation(sent) is taken


@pytest.mark.parametrize("sent", [1, 0, "1", "yes", "on", "True", "", [], None])
def test_nothing_else_is_yes_or_no(sent: object) -> None:
    with pytest.raises(serializers.ValidationError):
        YesNoField().run_validation(sent)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (documents.ClusterState, dashboard.ClusterFields),
        (documents.NodeState, dashboard.NodeFields),
        (documents.RotationState, dashboard.RotationFields),
        (documents.CacheState, dashboard.CacheFields),
        (documents.SharedCacheState, dashboard.SharedFields),
        (documents.ShownInvalidation, dashboard.InvalidationFields),
        (ShownRequest, dashboard.RequestFields),
        (ShownStep, dashboard.StepFields),
        (ShownEvent, dashboard.EventFields),
    ],
)
def test_the_cluster_pages_data_is_what_the_schema_says(
    document: Any, told: type[serializers.Serializer[Any]]
) -> None:
    fields = told().fields
    assert document.__required_keys__ == {name for name, field in fields.items() if field.required}
    assert document.__optional_keys__ == {name for name, field in fields.items() if not field.required}


def test_a_shared_caches_state_has_the_fields_of_its_status() -> None:
    assert documents.SharedCacheState.__required_keys__ == {field.name for field in dataclasses.fields(SharedStatus)}
