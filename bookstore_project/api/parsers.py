"""Reads JSON request bodies strictly: UTF-8, exact numbers, no NaN, no repeated names, no bottomless nesting."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import IO, Any

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from bookstore_project.api import problems
from bookstore_project.nodes import redaction

MOST_VALUES = 50_000
"""In one body, names not counted: far more than any request has, and few enough to be checked one by one."""
LARGEST_EXPONENT = 308
"""Of a number's first digit, as powers of ten: about what a double has (IEEE 754)."""


class StrictJSONParser(JSONParser):
    """Raises ParseError (400) with a sentence for whatever isn't one JSON text."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        coding = request.headers.get("Content-Encoding", "identity") if request is not None else "identity"
        if coding.strip().lower() != "identity":
            raise problems.UnsupportedEncoding(
                f"Bodies are read as they are, not in the content coding {redaction.cut(coding, 40)!r}."
            )
        _, parameters = parse_header_parameters(media_type or "")
        if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            raise problems.UnsupportedEncoding("JSON is read in UTF-8 only.")
        raw = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise problems.PayloadTooLarge("The request body is larger than 1 MiB.")
        return parse_json(raw)


def parse_json(raw: bytes, *, most_values: int | None = MOST_VALUES) -> Any:
    """The value of a JSON text; an empty body is an empty object. Raises ParseError.

    A number with a point or an exponent is a Decimal: a float would be rounded before anybody has looked at it.
    """
    if not raw.strip():
        return {}
    if most_values is not None and _has_more_values(raw, most_values):
        raise ParseError(f"The JSON has more than {most_values} values.")
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_float=_exact, parse_constant=_refuse_constant, object_pairs_hook=_distinct)
        if "\\u" in text:  # Only an escape can be a lone surrogate, which can't be stored.
            json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8: byte {error.start} is invalid.") from error
    except UnicodeEncodeError as error:
        raise ParseError("The body holds half a surrogate pair, which is no character.") from error
    except RecursionError as error:
        raise ParseError("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise ParseError(f"The body is not valid JSON: {error}") from error
    return value


def _has_more_values(raw: bytes, most: int) -> bool:
    """Whether more begin than that: each list, each object, and whatever follows a comma."""

    def begun(text: bytes) -> int:
        return 1 + sum(map(text.count, (b",", b"[", b"{")))

    if begun(raw) <= most:
        return False
    outside_of_texts = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    return begun(b"".join(outside_of_texts)) > most


def _exact(text: str) -> Decimal:
    """What a double could hold as well, if less exactly: `int` of 1e999999999 would take for ever."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("Infinity")
    if not -LARGEST_EXPONENT <= number.adjusted() <= LARGEST_EXPONENT or number.is_infinite():
        raise ValueError(f"the number {redaction.cut(text, 40)} is out of range")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the name {redaction.cut(name)!r} is repeated")
        members[name] = value
    return members
