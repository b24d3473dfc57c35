"""Names of cache entries and of the floors that they are checked against."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from bookstore_project.api.cached_resources import CachedResource

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Key:
    """`floor` is the key that catalog replicas name when something changes; `entry` is where the answer lies."""

    entry: str
    floor: str


def key_of(resource: CachedResource, value: str, query: str = "") -> Key | None:
    """Of a value in its one form; None for a query that isn't plainly a page (it isn't cached).

    All pages have one floor: the key that a change of what they show touches.
    """
    if len(value) > resource.longest:
        return None
    floor = resource.key(value)
    if not query or not resource.has_pages:
        return Key(floor, floor)
    pairs = parse_qsl(query, keep_blank_values=True)
    page = dict(pairs)
    is_plain = len(page) == len(pairs) and all(
        name in ("page", "page_size") and _NUMBER.fullmatch(value) for name, value in pairs
    )
    if not is_plain:
        return None
    if not page:
        return Key(floor, floor)
    # In front of the value, which may hold any character: behind it, two pages could share a name.
    return Key(f"page:{page.get('page', '')}:{page.get('page_size', '')}:{floor}", floor)
