"""OpenAPI: every operation says which problems it may answer with."""

from typing import Any, Literal

from drf_spectacular import authentication
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from bookstore_project.wire import headers, problems

READ_PROBLEMS = (400, 401, 403, 404, 405, 406, 413, 503)
WRITE_PROBLEMS = (400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 503)
_TEXT = {"type": "string"}

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
    """Adds the problem documents to whatever responses a view declares."""

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
    return [endpoint for endpoint in endpoints if endpoint[0].endswith("/") == endpoint[0].startswith("/api/")]


class BasicScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = "bookstore_project.wire.authentication.BasicAuthentication"
    name = "basic"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "basic", "description": "A staff account."}


class SessionScheme(authentication.SessionScheme):  # type: ignore[no-untyped-call]
    target_class = "bookstore_project.wire.authentication.SessionAuthentication"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "bookstore_project.wire.authentication.TokenAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token <key>`; `manage.py token USER` prints the key.",
        }


class ServiceScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "bookstore_project.wire.authentication.ServiceAuthentication"
    name = "service"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": headers.SERVICE_TOKEN,
            "description": "Between nodes of the store.",
        }
