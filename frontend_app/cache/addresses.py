"""Which addresses may be answered from the cache: the routes of all cached resources, as one regular expression."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from bookstore_project.api.cached_resources import PARAMETER, CachedResource
from frontend_app.cache.keys import Key, key_of

_PATTERNS = {"int": r"([1-9][0-9]{0,17})", "str": r"([^/\n\ufffd]+)", "path": r"([^/\n\ufffd]+)"}
"""What stands for a route's parameter, in its group: less than Django takes, who is left the rest."""


class Cacheable(NamedTuple):
    """What an address asks of the cache, and the route by which Django finds it."""

    key: Key
    route: str


class CacheableAddresses:
    """Made once of the declarations. An address is looked up in all routes at a time."""

    def __init__(self, resources: Iterable[CachedResource]) -> None:
        self._places = [(resource, route) for resource in resources for route in resource.routes]
        self._pattern = re.compile("|".join(_pattern_of(route) for _, route in self._places) or r"(?!)")

    def find(self, path: str, query: str) -> Cacheable | None:
        """None for what isn't in the cache, or is for Django to understand."""
        match = self._pattern.fullmatch(path)
        if match is None or match.lastindex is None:
            return None
        resource, route = self._places[match.lastindex - 1]  # Each route is one group.
        if query and not resource.has_pages:
            return None
        value = resource.value_of(match[match.lastindex])
        key = key_of(resource, value, query) if value is not None else None
        return Cacheable(key, route) if key is not None else None


def _pattern_of(route: str) -> str:
    before, *rest = PARAMETER.split(route.rstrip("/"))
    if not rest:
        return f"/{re.escape(before)}()/?"  # The value of the only answer, and a group as each route has.
    converter, _, after = rest
    return f"/{re.escape(before)}{_PATTERNS[converter]}{re.escape(after)}/?"
