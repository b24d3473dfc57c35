"""What every request of every node goes through first: an id, a time, a log line, errors as problems."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from bookstore_project.api import accounts, errors, headers, problems
from bookstore_project.api.log_remarks import remark_of
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import metrics, redaction
from bookstore_project.nodes.access_log import QUIET_PREFIXES, log_request
from bookstore_project.settings import topology


class RequestMiddleware:
    """Gives the request its id, measures it, says who answered, and maps store errors outside DRF."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A front's requests may have waited for a thread by now: their clients waited, too.
        began = request.META.get(metrics.BEGAN) or time.perf_counter()
        request_id = accept_request_id(request.headers.get(headers.REQUEST_ID))
        response = errors.explained(request, self.get_response(request))
        ended = time.perf_counter()
        took_ms = (ended - began) * 1000
        metrics.note_request(request, response.status_code, ended - began)
        response.headers[headers.REQUEST_ID] = request_id
        if topology.NODE and headers.REPLICA not in response.headers:
            response.headers[headers.REPLICA] = topology.NODE.name
        response.headers.setdefault(headers.SERVER_TIMING, f"app;dur={took_ms:.1f}")
        self.log(request, response, request_id, took_ms)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """What a view outside DRF (the admin, a login) let through: store errors, accounts that can't be read."""
        if isinstance(exception, problems.StoreError):
            return errors.store_refusal(request, exception)
        if accounts.are_at_fault(exception):
            return errors.refusal(request, "unavailable", accounts.DETAIL, told=accounts.DETAIL)
        return None

    def log(self, request: HttpRequest, response: HttpResponse, request_id: str, took_ms: float) -> None:
        more = remark_of(response)
        if not more and response.status_code < 400 and request.path.startswith(QUIET_PREFIXES):
            return
        source = response.headers.get(headers.REPLICA, "")
        if response.headers.get(headers.CACHE) == "hit":
            source = "cache"
        address = redaction.address(request.path, request.META.get("QUERY_STRING", ""))
        log_request(request.method or "", address, response.status_code, source, took_ms, more, request_id)
