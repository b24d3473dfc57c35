"""The line that an answered request has in its node's log."""

import logging

from bookstore_project.nodes import redaction

access_log = logging.getLogger("bookstore.request")
QUIET_PREFIXES = ("/internal/", "/static/", "/healthz", "/readyz", "/metrics", "/cluster/live", "/favicon.ico")
"""Routes that machines ask all the time: logged for a failure, and for what has a remark."""
LONGEST_METHOD, LONGEST_REMARK = 20, 500


def log_request(
    method: str, address: str, status: int, source: str, took_ms: float, remark: str, request_id: str
) -> None:
    """`GET /product/2 200 cache 0.2 ms`; `address` is as `redaction` makes it, `remark` empty, or in brackets."""
    access_log.info(
        "%s %s %s %s %.1f ms%s",
        redaction.cut(method, LONGEST_METHOD),
        address,
        status,
        source,
        took_ms,
        redaction.cut(remark, LONGEST_REMARK),
        extra={"request_id": request_id, "status": status, "duration_ms": round(took_ms, 2)},
    )
