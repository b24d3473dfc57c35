"""A body as large as one may be costs neither memory nor time beyond reading it, and its answer is short."""

from typing import Any

import pytest
from rest_framework import serializers

from bookstore_project.api.errors import flatten
from bookstore_project.api.fields import MOST_REFUSED, BoundedListField
from bookstore_project.api.representations import (
    MAX_LINES,
    CancellationInput,
    OrderActionInput,
    PurchaseInput,
    RefundInput,
    RestockInput,
)


class Untouchable(serializers.Field[Any, Any, Any, Any]):
    def to_internal_value(self, data: Any) -> Any:
        raise AssertionError("looked at")


def refused(kind: type[serializers.Serializer[Any]], body: Any) -> dict[str, list[str]]:
    """What is wrong with it, by field."""
    with pytest.raises(serializers.ValidationError) as caught:
        kind().run_validation(body)
    return flatten(caught.value.detail)


def test_no_item_of_a_list_that_is_too_long_is_looked_at() -> None:
    with pytest.raises(serializers.ValidationError, match="no more than 3 elements"):
        BoundedListField(child=Untouchable(), max_length=3).run_validation([None] * 4)


@pytest.mark.parametrize("item", [{"book": 1}, {}, [], 1])
@pytest.mark.parametrize("kind", [PurchaseInput, CancellationInput])
def test_a_thousand_lines_are_one_mistake(kind: type[serializers.Serializer[Any]], item: Any) -> None:
    told = refused(kind, {"lines": [item] * 1000})
    assert told == {"lines": [f"Ensure this field has no more than {MAX_LINES} elements."]}


@pytest.mark.parametrize("kind", [PurchaseInput, CancellationInput, OrderActionInput, RefundInput, RestockInput])
def test_of_a_thousand_unknown_fields_the_first_are_named(kind: type[serializers.Serializer[Any]]) -> None:
    told = refused(kind, {f"unknown-{number}": 1 for number in range(1000)})
    named = [name for name in told if name.startswith("unknown-")]
    assert named == [f"unknown-{number}" for number in range(MOST_REFUSED)]
    assert told["non_field_errors"] == [f"More than {MOST_REFUSED} fields are wrong: the first are named."]


def test_it_says_that_more_are_wrong_if_more_are() -> None:
    unknown = {f"unknown-{number}": 1 for number in range(MOST_REFUSED)}
    assert refused(RestockInput, {**unknown, "quantity": 1}).keys() == unknown.keys()
    assert "non_field_errors" in refused(RestockInput, {**unknown, "quantity": 1, "one_more": 1})


def test_a_long_name_is_cut() -> None:
    (name,) = refused(RestockInput, {"quantity": 1, "n" * 100_000: 1})
    assert len(name) < 300
