"""What a gateway answers by itself, before Django has seen the request."""

import hmac

from django.conf import settings

from bookstore_project.api import headers
from bookstore_project.nodes.gateway.bodies import IncompleteBody, TooLarge, TooManyBodies, TooSlow
from bookstore_project.nodes.gateway.header_checks import BadHeaders
from bookstore_project.nodes.gateway.messages import Incoming, Outgoing, problem

REJECTIONS = (BadHeaders, IncompleteBody, TooLarge, TooSlow, TooManyBodies)
"""For which of the errors there is one."""

_ANSWERS: dict[type[Exception], tuple[str, str]] = {
    IncompleteBody: ("parse_error", "The request body breaks off, or isn't what its headers say. Nothing was done."),
    TooLarge: ("payload_too_large", "The request body is larger than 1 MiB."),
    TooSlow: ("parse_error", "The request body did not arrive in time."),
    TooManyBodies: ("unavailable", "Too many request bodies are on their way. Try again shortly."),
}


def rejection(error: Exception, request_id: str, accept: str) -> Outgoing:
    """The answer to one of REJECTIONS. The connection ends with it.

    Whatever is left of the body must not be taken for the next request.
    """
    code, detail = (error.code, error.detail) if isinstance(error, BadHeaders) else _ANSWERS[type(error)]
    answer = problem(code, detail, request_id, accept)
    answer.headers.append(("Connection", "close"))
    return answer


def is_from_node(request: Incoming) -> bool:
    """Whether it carries the service token: bodies of the store's own nodes mustn't be crowded out."""
    token = request.headers.get(headers.SERVICE_TOKEN.lower(), "")
    return hmac.compare_digest(token.encode(), settings.SERVICE_TOKEN.encode())
