"""What Schemathesis can't know of the schema's values. It imports this module by itself (SCHEMATHESIS_HOOKS)."""

import secrets
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies
from hypothesis.configuration import set_hypothesis_home_dir
from stdnum import ean

from bookstore_project.api.fields import isbn13_problem

# It works out which characters there are, which takes longer than all requests: once, with the tests'.
set_hypothesis_home_dir(Path(__file__).parents[2] / ".hypothesis")


FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def _isbn13(first_twelve: str) -> str:
    return first_twelve + ean.calc_check_digit(first_twelve)


schemathesis.openapi.format("isbn13", strategies.from_regex("97[89][0-9]{9}", fullmatch=True).map(_isbn13))


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Prices in cents (57 * 0.01 isn't 0.57), and each ISBN but once: two books can't have the same."""
    body = case.body
    if not isinstance(body, dict):
        return
    if isinstance(price := body.get("price"), float):
        body["price"] = round(price, 2)
    if isinstance(isbn := body.get("isbn13"), str) and not isbn13_problem(isbn):
        body["isbn13"] = _isbn13(f"979{secrets.randbelow(10**9):09}")


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """A form has members, each a text, or none: a list in its place arrives as an empty form, null as "null".

    A field of a form that is left empty counts as left out, which a schema can't say.
    A cursor comes from a page: the schema can't say which texts are some.
    """
    if "after" in (case.query or {}):
        return False
    body = case.body
    return case.media_type not in FORMS or (
        isinstance(body, dict) and not any(value in (None, "") for value in body.values())
    )
