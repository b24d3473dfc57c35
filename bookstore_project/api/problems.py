"""What can go wrong, as a client sees it: RFC 9457 problem details, one code for each kind.

Errors of the domain derive from `StoreError` and own a code; this table maps a code to a status, once.
"""

import math
from http import HTTPStatus
from typing import Any

TITLES: dict[str, tuple[int, str]] = {
    "validation_error": (400, "The request has invalid fields"),
    "parse_error": (400, "The request cannot be read"),
    "not_authenticated": (401, "Authentication is needed"),
    "permission_denied": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "not_acceptable": (406, "No acceptable representation"),
    "out_of_stock": (409, "Out of stock"),
    "price_changed": (409, "The price has changed"),
    "lines_unavailable": (409, "Not all lines can be had"),
    "conflict": (409, "Conflicts with the present state"),
    "precondition_failed": (412, "Precondition failed"),
    "payload_too_large": (413, "Payload too large"),
    "uri_too_long": (414, "Address too long"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "idempotency_conflict": (422, "Idempotency key used for another request"),
    "throttled": (429, "Too many requests"),
    "headers_too_large": (431, "Headers too large"),
    "internal_error": (500, "Internal error"),
    "unavailable": (503, "Temporarily unavailable"),
    "outcome_unknown": (503, "Outcome unknown"),
}

CODE_OF_STATUS = {
    400: "parse_error",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    412: "precondition_failed",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "throttled",
    503: "unavailable",
}

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
"""What `Retry-After` says with 503: replicas come back within about a second."""


class StoreError(Exception):
    """An error that a client may be told of.

    `detail` is a sentence that helps; `extra` holds further members of the problem document. `told` says the same
    on a page, to people, where `detail` has words for programs.
    """

    code: str = "internal_error"

    def __init__(self, detail: str, *, told: str = "", is_repeat: bool = False, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.told = told
        self.is_repeat = is_repeat
        """Whether the same was answered before, under the same idempotency key."""
        self.extra = extra

    @property
    def status(self) -> int:
        return TITLES[self.code][0]


class Forbidden(StoreError):
    """Not here, or not from there, whoever asks."""

    code = "permission_denied"


class NotFound(StoreError):
    """There is no such thing, or it isn't for sale any more."""

    code = "not_found"


class Invalid(StoreError):
    """A field's value breaks a rule; `errors` says which."""

    code = "validation_error"

    def __init__(self, errors: dict[str, list[str]], detail: str = "", *, told: str = "") -> None:
        super().__init__(detail or describe(errors), told=told, errors=errors)


class Conflict(StoreError):
    """What is asked for doesn't go together with the present state of things; nothing was changed."""

    code = "conflict"


class PreconditionFailed(StoreError):
    """`If-Match` names another version than today's."""

    code = "precondition_failed"


class PayloadTooLarge(StoreError):
    """The body is larger than DATA_UPLOAD_MAX_MEMORY_SIZE."""

    code = "payload_too_large"


class UnsupportedEncoding(StoreError):
    """The body comes in a content coding or charset that isn't read here."""

    code = "unsupported_media_type"


class IdempotencyConflict(StoreError):
    """The key was used before, for another request."""

    code = "idempotency_conflict"

    @classmethod
    def of_purchase(cls, *, is_bought: bool) -> "IdempotencyConflict":
        """`is_bought`: whether that other purchase was made; or else it was refused, for good."""
        return cls("This idempotency key was used for another purchase before.", is_bought=is_bought)


class Unavailable(StoreError):
    """It can't be promised now: nothing was changed, try again."""

    code = "unavailable"


class Throttled(StoreError):
    """Too many have failed, or are under way; `wait_s` says when there is room again, in whole seconds."""

    code = "throttled"

    def __init__(self, detail: str, *, wait_s: float) -> None:
        super().__init__(detail)
        self.wait_s = max(1, math.ceil(wait_s))


class OutcomeUnknown(StoreError):
    """It may or may not have happened: ask again with the same key."""

    code = "outcome_unknown"


def wait_s(error: StoreError) -> int | None:
    """What Retry-After says, in whole seconds; None where there is nothing to wait for."""
    if isinstance(error, Throttled):
        return error.wait_s
    return RETRY_AFTER_S if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None


def document(code: str, detail: str, request_id: str, **extra: Any) -> dict[str, Any]:
    """The problem document of that code."""
    status, title = TITLES[code]
    return {
        "type": f"urn:bookstore:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **extra,
    }


def describe(errors: dict[str, list[str]]) -> str:
    """`{"price": ["Too many digits."]}` → `price: Too many digits.`"""
    return " ".join(
        " ".join(messages) if field == "non_field_errors" else f"{field}: {' '.join(messages)}"
        for field, messages in errors.items()
    )
