"""Idempotency keys: what one looks like, and the order id that follows from it."""

import hashlib
import hmac
import re
import uuid

from django.conf import settings

from bookstore_project.api import headers, problems

_KEY = re.compile(r"[\x21-\x7e]{16,255}")


def new_key() -> str:
    """A key for a client that sent none."""
    return str(uuid.uuid4())


def is_key(text: str) -> bool:
    """Whether it is one: 16 to 255 visible characters."""
    return _KEY.fullmatch(text) is not None


def checked_key(sent: str | None) -> str | None:
    """The client's key, None without one; raises Invalid if it isn't 16 to 255 visible characters."""
    if sent is None:
        return None
    if not is_key(sent):
        raise problems.Invalid(
            {headers.IDEMPOTENCY_KEY: ["Expected 16 to 255 visible ASCII characters; a UUID is a good choice."]}
        )
    return sent


def id_of(purpose: str, key: str) -> uuid.UUID:
    """The id that belongs to a key: the same in every process, and not to be guessed without the store's secret.

    HMAC-SHA256 (RFC 2104) over purpose and key, cut to the 122 bits that a version 4 UUID leaves free.
    """
    mac = hmac.new(settings.SECRET_KEY.encode(), f"{purpose}\0{key}".encode(), hashlib.sha256)
    return uuid.UUID(bytes=mac.digest()[:16], version=4)


def order_id(key: str) -> uuid.UUID:
    return id_of("order", key)
