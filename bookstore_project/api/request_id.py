"""The id that follows one request through every process and log line."""

import re
import secrets
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def current_request_id() -> str:
    """The id of the request being answered, or of a round in the background; empty outside of both."""
    return _current.get()


def is_acceptable(sent: str) -> bool:
    """Whether a caller's id is a tame one."""
    return _ACCEPTABLE.fullmatch(sent) is not None


def begin_own(work: str) -> str:
    """An id for work that no request asked for, named after it; becomes the current."""
    request_id = f"{work.replace(' ', '-')}-{secrets.token_hex(6)}"
    _current.set(request_id)
    return request_id


def accept_request_id(sent: str | None) -> str:
    """The caller's id if it is a tame one, else a new one; becomes the current."""
    request_id = sent if sent and is_acceptable(sent) else secrets.token_hex(16)
    _current.set(request_id)
    return request_id
