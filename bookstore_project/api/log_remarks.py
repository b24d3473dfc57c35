"""What a request's log line says beyond what was asked and answered, so that its effects can be followed."""

from django.http import HttpResponse


def remark(response: HttpResponse, text: str) -> None:
    """Has the response's log line end with this, in brackets. An order is named as `order <uuid>`, for `trace`."""
    response.__dict__["log_remark"] = f" ({text})"


def remark_of(response: HttpResponse) -> str:
    """What `remark` said, ready to be written; empty if it wasn't called."""
    return str(response.__dict__.get("log_remark", ""))
