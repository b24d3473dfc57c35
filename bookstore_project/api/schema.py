"""OpenAPI: every operation says which problems it may answer with."""

from typing import Any, Literal

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from drf_spectacular import authentication
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from rest_framework.request import Request

from bookstore_project.api import headers, parameters, problems, schema_notes
from bookstore_project.api.order_numbers import PATTERN as NUMBER_PATTERN
from bookstore_project.api.query_parameters import DAYS
from bookstore_project.api.representations import MAX_PRICE

READ_PROBLEMS = (400, 401, 403, 404, 405, 406, 413, 415, 429, 503)
WRITE_PROBLEMS = (400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429, 503)
_TEXT = {"type": "string"}
_UNFIT = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u206f"
    r"\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff"
)
"""What `text.canonical` refuses, of the first 65,536 characters."""
_BLANK = r"\s\u00ad\u0300-\u036f\u061c\u115f\u1160\u200b-\u200f\u2060-\u2064\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
"""What can't be seen by itself."""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {**_TEXT, "description": "A sentence that helps."},
        "code": {**_TEXT, "enum": sorted(problems.TITLES)},
        "request_id": _TEXT,
        "errors": {
            "type": "object",
            "description": "By field, for 400.",
            "additionalProperties": {"type": "array", "items": _TEXT},
        },
        "lines": {
            "type": "array",
            "description": "Of a purchase, for 404 and 409: the lines that can't be had, and what is left.",
            "items": {
                "type": "object",
                "properties": {
                    "code": {**_TEXT, "enum": ["out_of_stock", "price_changed", "not_found"]},
                    "book": {"type": "integer", "format": "int64"},
                    "title": {**_TEXT, "description": "Empty if there is no such book."},
                    "asked": {"type": "integer"},
                    "left": {"type": "integer"},
                    "unit_price": {"type": "string", "nullable": True, "description": "Today's."},
                },
            },
        },
        "is_bought": {
            "type": "boolean",
            "description": "With idempotency_conflict, of a purchase: whether the one before was made, or refused.",
        },
        "order": {**_TEXT, "format": "uuid", "description": "With outcome_unknown: the order's id."},
        "service": {
            **_TEXT,
            "description": "With unavailable: the service that can't answer.",
        },
        "idempotency_key": {**_TEXT, "description": "With outcome_unknown: the key to ask again with."},
    },
    "required": ["type", "title", "status", "detail", "code", "request_id"],
}


class ProblemAwareSchema(AutoSchema):
    """Adds the problem documents to whatever responses a view declares, and says who needs no login."""

    def get_override_parameters(self) -> list[Any]:
        timeout = [parameters.REQUEST_TIMEOUT] if getattr(self.view, "takes_timeout", False) else []
        return [*parameters.of_path(self.path), *super().get_override_parameters(), *timeout]

    def get_auth(self) -> list[dict[str, Any]]:
        """A login is needed where an anonymous request would be refused, and nowhere else."""
        request = HttpRequest()
        request.method = self.method
        anonymous = Request(request)
        anonymous.user = AnonymousUser()
        needed: list[dict[str, Any]] = super().get_auth()
        is_public = all(permission.has_permission(anonymous, self.view) for permission in self.view.get_permissions())
        return [] if is_public else needed

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            for status in READ_PROBLEMS if self.method == "GET" else WRITE_PROBLEMS:
                bodies.setdefault(str(status), problem_body(status))
            if self.method == "GET":
                bodies.setdefault("304", {"description": "`If-None-Match` names what is there: not sent again."})
        return bodies


def problem_body(status: int) -> dict[str, Any]:
    """The response object of a problem with that status."""
    titles = sorted(title for number, title in problems.TITLES.values() if number == status)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": " / ".join(titles), "content": {problems.CONTENT_TYPE: {"schema": schema}}}


def add_problem(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"]: the component that the references name."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    return result


def one_spelling(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """PREPROCESSING_HOOKS: each route once, in the spelling of the interface (a slash at the end of /api/ only)."""
    schema_notes.apply_notes()
    return [endpoint for endpoint in endpoints if endpoint[0].endswith("/") == endpoint[0].startswith("/api/")]


class StrictFieldsSchema(OpenApiSerializerExtension):  # registers itself
    """What has unknown fields is refused."""

    target_class = "bookstore_project.api.fields.StrictFields"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False} if direction == "request" else schema


class PurchaseInputSchema(StrictFieldsSchema):  # registers itself
    """A book, or lines in its place."""

    target_class = "bookstore_project.api.representations.PurchaseInput"
    priority = 1

    def map_serializer(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        schema = super().map_serializer(auto_schema, direction)
        properties = dict(schema["properties"])
        several = {**schema, "properties": {"lines": properties.pop("lines")}, "required": ["lines"]}
        single = {**schema, "properties": properties, "required": ["book"]}
        return {"description": schema.get("description", ""), "oneOf": [single, several]}


class PriceFieldSchema(OpenApiSerializerFieldExtension):  # registers itself
    """Taken as text or as a number, given as text."""

    target_class = "bookstore_project.api.fields.PriceField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        given = {**_TEXT, "format": "decimal", "pattern": r"^[0-9]{1,11}\.[0-9]{2}$"}
        if direction == "response":
            return given
        least = float(self.target.min_value or 0)
        something = "(?=.*[1-9])" if least else ""
        text = {**given, "pattern": rf"^{something}[0-9]{{1,8}}(\.[0-9]{{1,2}})?$"}
        number = {"type": "number", "minimum": least, "maximum": float(MAX_PRICE), "multipleOf": 0.01}
        return {"anyOf": [text, number]}


class Isbn13FieldSchema(OpenApiSerializerFieldExtension):  # registers itself
    """Taken with hyphens and spaces or as nothing, given as thirteen digits or null."""

    target_class = "bookstore_project.api.fields.Isbn13Field"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        # `nullable` counts only beside a `type` (OpenAPI 3.0.3, Schema Object).
        if direction == "response":
            return {"anyOf": [{**_TEXT, "nullable": True, "pattern": "^[0-9]{13}$"}]}
        isbn = {**_TEXT, "nullable": True, "format": "isbn13", "maxLength": 40, "pattern": "^[0-9]([ -]*[0-9]){12}$"}
        return {"anyOf": [isbn, {**_TEXT, "maxLength": 0}]}


class TextFieldSchema(OpenApiSerializerFieldExtension):  # registers itself
    """Without the characters that `text.canonical` refuses; where text is needed, not of white space alone."""

    target_class = "bookstore_project.api.fields.TextField"
    match_subclasses = True
    priority = -1  # A field that has an extension of its own keeps it.

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        if direction == "response" or self.target.read_only:
            return dict(_TEXT)
        something = "" if self.target.allow_blank else f"(?=.*[^{_BLANK}])"
        length = {"minLength": 0 if self.target.allow_blank else 1, "maxLength": self.target.max_length}
        return {"anyOf": [{**_TEXT, **length, "pattern": f"^{something}[^{_UNFIT}]*$"}]}


class NumberFieldSchema(OpenApiSerializerFieldExtension):  # registers itself
    """What a customer says, in any groups."""

    target_class = "bookstore_project.api.query_parameters.NumberField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        return {**_TEXT, "pattern": NUMBER_PATTERN}


class DayFieldSchema(OpenApiSerializerFieldExtension):  # registers itself
    """A day of a year that there is a page for."""

    target_class = "bookstore_project.api.query_parameters.DayField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        return {**_TEXT, "format": "date", "pattern": DAYS}


class BasicScheme(OpenApiAuthenticationExtension):  # registers itself
    target_class = "bookstore_project.api.authentication.BasicAuthentication"
    name = "basic"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "basic", "description": "A staff account."}


class SessionScheme(authentication.SessionScheme):
    target_class = "bookstore_project.api.authentication.SessionAuthentication"


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "bookstore_project.api.authentication.TokenAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <key>`; `manage.py token USER` prints the key.",
        }


class ServiceScheme(OpenApiAuthenticationExtension):
    target_class = "bookstore_project.api.authentication.ServiceAuthentication"
    name = "service"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": headers.SERVICE_TOKEN,
            "description": "Between nodes of the store.",
        }
