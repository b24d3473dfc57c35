"""What a cache would hit on a trace: LRU, step by step, and the most that any cache of that size can hit."""

import heapq
from collections import OrderedDict
from collections.abc import Sequence

NEVER = 1 << 60


def lru(trace: Sequence[int], size: int) -> list[bool]:
    """Whether each request is a hit in a cache of `size` entries that evicts what was used least recently."""
    kept: OrderedDict[int, None] = OrderedDict()
    hits = []
    for key in trace:
        hits.append(key in kept)
        kept[key] = None
        kept.move_to_end(key)
        if len(kept) > size:
            kept.popitem(last=False)
    return hits


def optimum(trace: Sequence[int], size: int) -> list[bool]:
    """The same of a cache that knows the future, and evicts what is needed last (Belady, IBM Systems Journal, 1966).

    Like the store's cache it keeps every answer that it has fetched, at least until the next one.
    """
    later = _next_uses(trace)
    kept: dict[int, int] = {}
    latest: list[tuple[int, int]] = []
    hits = []
    for moment, key in enumerate(trace):
        hits.append(key in kept)
        if key not in kept and len(kept) == size:
            while kept.get(latest[0][1]) != -latest[0][0]:
                heapq.heappop(latest)  # Of an earlier use: out of date.
            del kept[heapq.heappop(latest)[1]]
        kept[key] = later[moment]
        heapq.heappush(latest, (-later[moment], key))
    return hits


def _next_uses(trace: Sequence[int]) -> list[int]:
    """For each request, when its key is asked for again."""
    following: dict[int, int] = {}
    later = [NEVER] * len(trace)
    for moment in range(len(trace) - 1, -1, -1):
        later[moment] = following.get(trace[moment], NEVER)
        following[trace[moment]] = moment
    return later
