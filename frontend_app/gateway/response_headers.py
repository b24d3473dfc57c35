"""The headers that Django gives every answer, found out once, for answers that it doesn't make."""

import io
from functools import cache

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.http.request import HttpHeaders, split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from bookstore_project.api import csp
from bookstore_project.nodes.gateway.messages import Incoming
from bookstore_project.settings import tls
from frontend_app.cache.memo import Memo

HOSTS_BYTES, LARGEST_HOST_BYTES = 256 * 1024, 300
HOSTS: Memo[str, bool] = Memo(HOSTS_BYTES, LARGEST_HOST_BYTES)
"""Those that are allowed: with every port, there may be many. For the event loop only."""


@cache
def security_headers(is_secure: bool) -> list[tuple[str, str]]:
    """What the middlewares for security, framing and content add, as configured, over https or http."""

    def no_view(request: object) -> HttpResponse:
        return HttpResponse()

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "https" if is_secure else "http",
    }
    request = WSGIRequest(environ)
    framed = XFrameOptionsMiddleware(no_view).process_response(request, HttpResponse())
    secured = SecurityMiddleware(no_view).process_response(request, framed)
    secured.headers[csp.HEADER] = csp.POLICY
    return [(name, value) for name, value in secured.items() if name != "Content-Type"]


def is_secure(request: Incoming) -> bool:
    """As Django's `HttpRequest.is_secure`."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        sent = request.headers.get(str(HttpHeaders.parse_header_name(name)).lower())
        if sent is not None:
            return sent.split(",", 1)[0].strip() == value
    return tls.scheme_of_client(str(request.scope.get("scheme"))) == "https"


def is_plain(request: Incoming) -> bool:
    """Whether Django would neither refuse the request by its Host header nor send the client to https."""
    return is_host_allowed(request) and not (settings.SECURE_SSL_REDIRECT and not is_secure(request))


def is_host_allowed(request: Incoming) -> bool:
    """Whether Django would take the request by its Host header."""
    host = request.headers.get("host", "")
    if host in HOSTS.known:
        return True
    domain, _ = split_domain_port(host)
    is_allowed = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
    if is_allowed:
        HOSTS.keep(host, True, len(host))
    return is_allowed
