"""Names of cache entries and of the floors that they are checked against."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from bookstore_project.api.representations import TOPIC_LENGTH
from bookstore_project.text.canonical import canonical_or_same

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Key:
    """`floor` is the key that catalog replicas name when something changes; `entry` is where the answer lies."""

    entry: str
    floor: str


def book_key(book_id: int) -> Key:
    return Key(f"book:{book_id}", f"book:{book_id}")


def topic_key(topic: str, query: str) -> Key | None:
    """Of a page of a topic's titles; None for a query that isn't plainly a page (it isn't cached).

    However the topic is composed and spaced, it has one floor: the key that a change of its books touches.
    """
    topic = canonical_or_same(topic)
    pairs = parse_qsl(query, keep_blank_values=True)
    page = dict(pairs)
    is_plain = len(page) == len(pairs) and all(
        name in ("page", "page_size") and _NUMBER.fullmatch(value) for name, value in pairs
    )
    if not is_plain or len(topic) > TOPIC_LENGTH:
        return None
    floor = f"topic:{topic}"
    if not page:
        return Key(floor, floor)
    # In front of the topic, which may hold any character: behind it, two pages could share a name.
    return Key(f"page:{page.get('page', '')}:{page.get('page_size', '')}:{floor}", floor)
