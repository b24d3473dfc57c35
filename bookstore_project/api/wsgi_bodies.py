"""Request bodies where a WSGI server reads them (`runserver`): whole, or refused before Django looks at them."""

import io
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.conf import settings

from bookstore_project.api import headers, health
from bookstore_project.api.request_id import accept_request_id
from bookstore_project.nodes import redaction
from bookstore_project.nodes.access_log import log_request
from bookstore_project.nodes.gateway.bodies import IncompleteBody
from bookstore_project.nodes.gateway.header_checks import BadHeaders, check_content_type, is_telling
from bookstore_project.nodes.gateway.rejections import rejection
from bookstore_project.nodes.gateway.threads import WSGIApplication

UNKNOWN_LENGTH = "Bodies of unknown length are not read here: send a Content-Length."


class WholeBodies:
    """Refuses (400) a body that is shorter than its length says, and one without a length; (415) other than UTF-8.

    To a WSGI application, a chunked body without its last chunk looks as one that is complete. A body beyond
    UPLOAD_MAX_BYTES is left to Django, which refuses it.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.perf_counter()
        try:
            self._check(environ)
        except (BadHeaders, IncompleteBody) as error:
            return _refuse(error, environ, start_response, began)
        return self.application(environ, start_response)

    def _check(self, environ: dict[str, Any]) -> None:
        if environ.get("HTTP_TRANSFER_ENCODING"):
            raise BadHeaders("parse_error", UNKNOWN_LENGTH)
        text = environ.get("CONTENT_LENGTH") or "0"
        length = int(text) if text.isascii() and text.isdigit() else 0
        if is_telling(environ["REQUEST_METHOD"], has_body=length > 0):
            check_content_type(environ.get("CONTENT_TYPE", ""))
        else:
            environ["CONTENT_TYPE"] = ""
        if 0 < length <= settings.UPLOAD_MAX_BYTES:
            body = environ["wsgi.input"].read(length)
            if len(body) < length:
                raise IncompleteBody
            environ["wsgi.input"] = io.BytesIO(body)


def _refuse(
    error: Exception, environ: dict[str, Any], start_response: Callable[..., Any], began: float
) -> Iterable[bytes]:
    request_id = accept_request_id(environ.get(headers.environ_name(headers.REQUEST_ID)))
    answer = rejection(error, request_id, str(environ.get("HTTP_ACCEPT", "")))
    # Without a length the server closes the connection: what is left of the body is no request.
    named = [pair for pair in answer.headers if pair[0] not in ("Connection", "Content-Length")]
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", named)
    address = redaction.address(redaction.text_of(environ.get("PATH_INFO", "")), environ.get("QUERY_STRING", ""))
    took_ms = (time.perf_counter() - began) * 1000
    log_request(environ["REQUEST_METHOD"], address, answer.status, health.node_name(), took_ms, "", request_id)
    return iter([answer.body])
