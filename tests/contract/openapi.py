"""Compares answers with the OpenAPI schema of the node that gave them."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol, Self
from urllib.request import urlopen

from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker

from tests.waiting import PATIENCE_S

PROBLEM_TYPE = "application/problem+json"
UNDOCUMENTED = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/internal/",
    "/covers/",
    "/day",
    "/admin",
    "/api/schema",
    "/api/docs",
    "/api-auth/",
    "/static/",
)
NO_BODY = (204, 304)


class Heard(Protocol):
    """What is looked at of an answer. Header names are in lower case."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Contract:
    """What a node's schema promises."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        # As OpenAPI says: what is spelled out counts before what has a variable in its place.
        spelled_out_first = sorted(schema["paths"].items(), key=lambda item: item[0].count("{"))
        self._paths = [(_pattern(template), operations) for template, operations in spelled_out_first]
        self._validators: dict[str, OAS30ReadValidator] = {}

    @classmethod
    def of(cls, node: str, url: str) -> Self:
        """Fetched from a running node, once for each service: the replicas of one speak alike."""
        return cls(_fetch(node.partition("-")[0], url))

    def deviation(self, answer: Heard) -> str:
        """How the answer differs from what is promised; empty if it doesn't.

        Pages for people, and routes that the schema leaves out, are held to one promise: an error is a problem.
        """
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status >= 500 and answer.status != 503:
            return "a server error"
        if media_type == "text/html":
            return ""
        operation = self._operation(answer)
        if operation is None:
            return self._undeclared(answer, media_type)
        declared = operation["responses"].get(str(answer.status))
        if declared is None:
            return f"status {answer.status} isn't declared: {sorted(operation['responses'])}"
        if answer.method == "HEAD" or answer.status in NO_BODY:
            return "" if not answer.body else "a body where there can be none"
        content = declared.get("content", {})
        if media_type not in content:
            return f"{media_type!r} isn't declared for {answer.status}: {sorted(content)}"
        return self._invalidity(answer.body, content[media_type]["schema"])

    def _operation(self, answer: Heard) -> Any:
        path = answer.path.partition("?")[0].rstrip("/")
        method = "get" if answer.method == "HEAD" else answer.method.lower()
        for pattern, operations in self._paths:
            if pattern.fullmatch(path):
                return operations.get(method)
        return None

    def _undeclared(self, answer: Heard, media_type: str) -> str:
        """Of a route, or a method, that the schema doesn't name."""
        is_known = answer.path.startswith(UNDOCUMENTED) or answer.method == "OPTIONS" or answer.path == "/"
        if answer.status < 400:
            return "" if is_known else "an answer that the schema doesn't name"
        if answer.method == "HEAD":
            return ""
        if media_type != PROBLEM_TYPE:
            return f"an error as {media_type!r}"
        return self._invalidity(answer.body, {"$ref": "#/components/schemas/Problem"})

    def _invalidity(self, body: bytes, schema: Mapping[str, Any]) -> str:
        name = json.dumps(schema)
        if name not in self._validators:
            self._validators[name] = OAS30ReadValidator(
                {**schema, "components": self.schema["components"]}, format_checker=oas30_format_checker
            )
        try:
            value = json.loads(body)
        except ValueError as error:
            return f"no JSON: {error}"
        return "; ".join(f"{error.json_path}: {error.message}" for error in self._validators[name].iter_errors(value))


@cache
def _fetch(service: str, url: str) -> Any:
    with urlopen(f"{url}/api/schema/?format=json", timeout=PATIENCE_S) as answer:
        return json.load(answer)


def _pattern(template: str) -> re.Pattern[str]:
    """`/api/v1/books/{book_id}/` as a pattern, without the slash at the end. A topic may hold slashes."""
    parts = re.split(r"\{(\w+)\}", template.rstrip("/"))
    values = {"topic": ".+", "book_id": "[0-9]+", "order_id": "[0-9a-f-]{36}", "name": "[^/]+"} | {"action": "[^/]+"}
    return re.compile("".join(values[part] if place % 2 else re.escape(part) for place, part in enumerate(parts)))
