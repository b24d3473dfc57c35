"""Nothing is changed from a page of another site, whoever's login the browser puts into that page's hands."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import errors

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
DEFAULT_PORTS = {"http": 80, "https": 443}
TOLD_BY = ("origin", "referer", "sec-fetch-site")
"""The headers by which a browser says where a request comes from, in lower case."""
REFUSED = "Pages of other origins may not do this."
TOLD = "This was sent from a page of somebody else’s."

Origin = tuple[str, str, int]


class SameOriginMiddleware:
    """Refuses every unsafe method that a browser says comes from elsewhere: 403, for all routes and logins.

    A browser sends what it remembers of HTTP Basic, and cookies, along with anybody's forms. Programs, which name
    no origin, may ask. (Fetch Metadata, https://www.w3.org/TR/fetch-metadata/; RFC 6454 on origins)
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in SAFE_METHODS and is_foreign(request):
            return errors.refusal(request, "permission_denied", REFUSED, told=TOLD)
        return self.get_response(request)


def is_foreign(request: HttpRequest) -> bool:
    """Whether one of the browser's headers names another origin than the request's own, or none that there is."""
    sent: Mapping[str, str] = request.headers
    if sent.get("Sec-Fetch-Site", "none").strip().lower() not in ("same-origin", "none"):
        return True
    named = sent.get("Origin") if "Origin" in sent else sent.get("Referer", "").strip() or None
    return named is not None and origin_of(named) != origin_of(f"{request.scheme}://{request.get_host()}")


def origin_of(url: str) -> Origin | None:
    """Scheme, host and port; None for what has none of its own, such as `null`."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, DEFAULT_PORTS[parts.scheme] if port is None else port
