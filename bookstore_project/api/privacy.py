"""What depends on who asks is kept by nobody on the way: neither by a proxy nor by the next user of a browser."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from bookstore_project.api import headers
from bookstore_project.api.same_origin import SAFE_METHODS

CACHE_CONTROL = "private, no-store"
VARY = ("Cookie", "Authorization")
PERSONAL_PREFIXES = (
    *("/admin", "/api-auth", "/api/v1/orders", "/purchase", "/cluster/controls", "/internal"),
    *("/basket", "/buy", "/orders", "/day"),
)
"""Routes whose answers are always somebody's own."""
PERSONAL_STATUS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


class PrivacyMiddleware:
    """`Cache-Control: private, no-store` and `Vary: Cookie, Authorization` on what isn't the same for everybody.

    (RFC 9111, 5.2.2) What is left is a public read's answer to somebody who showed nothing, as data: the hits of a
    front's cache. Stands inside of what serves static files, which are the same for all.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_personal(request, response):
            response.headers["Cache-Control"] = CACHE_CONTROL
            patch_vary_headers(response, VARY)
        return response


def is_personal(request: HttpRequest, response: HttpResponse) -> bool:
    """A page counts as personal whoever asks: it says who is logged in, and its forms carry a token.

    So does whatever gives a browser a cookie: that is for this browser alone.
    """
    return (
        request.method not in SAFE_METHODS
        or shows_credentials(request)
        or response.status_code in PERSONAL_STATUS
        or request.path.startswith(PERSONAL_PREFIXES)
        or response.headers.get("Content-Type", "").startswith("text/html")
        or bool(response.cookies)
    )


def shows_credentials(request: HttpRequest) -> bool:
    """Whether the request brings anything by which somebody may be recognised, rightly or not."""
    sent = request.headers
    return "Authorization" in sent or headers.SERVICE_TOKEN in sent or settings.SESSION_COOKIE_NAME in request.COOKIES
