"""The number of an order that one can say on the phone, and the orders that may be meant by one."""

import re
import uuid

SPOKEN_DIGITS = 8
LEAST_DIGITS = 4
"""Fewer would find too many orders to choose from."""
_WORD = re.compile(r"\s*(order|#)\s*", re.IGNORECASE)
"""Stands before it on the customer's page."""
_BETWEEN = re.compile(r"[\s-]+")
_IN_IDS = frozenset("0123456789abcdef-")
_DIGITS = re.compile(f"[0-9a-f]{{{LEAST_DIGITS},32}}")
PATTERN = rf"^(?:\s*(?:[oO][rR][dD][eE][rR]|#))?[\s-]*(?:[0-9a-fA-F][\s-]*){{{LEAST_DIGITS},32}}$"
"""Of what `ids_of` takes, for schemas."""


def number_of(order_id: str) -> str:
    """The first eight digits of the id, in two groups. Two orders may have the same."""
    return f"{order_id[:4]} {order_id[4:SPOKEN_DIGITS]}".upper()


def ids_of(number: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """The first and the last id that begin with these digits, however they are grouped; None if it is no number."""
    word = _WORD.match(number)
    digits = _BETWEEN.sub("", number[word.end() :] if word else number).lower()
    if not _DIGITS.fullmatch(digits):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def may_be_of_id(search: str) -> bool:
    """Whether a word of a search may be a part of an order's id."""
    return any(set(word) <= _IN_IDS for word in search.lower().split())
