"""What can be left out of the protocol, and from which states to explore what happens then."""

from tests.model.protocol import Left, Log, State

WHOLE = Left(writes=2, crashes=1, losses=1)
SMALL = Left(writes=1, crashes=1, losses=1)
HALF_COMMITTED: tuple[Log, Log] = ((9,), ())
"""Logs that a writer left who was killed between its two commits."""
A_WRITE = Left(writes=1, crashes=0, losses=0)
A_LOST_FILE = Left(writes=1, crashes=0, losses=1)

BROKEN = {
    "nobody is told": "caches keep the old answer",
    "the floor rises before caches are told": "a new answer, and then the old one from a cache",
    "acknowledged before the floor": "who wrote doesn't find it",
    "out of sync after the commit": "a reader passes the gate with a file that lacks an entry",
    "the in-sync set is read before the snapshot": "what a dead writer left in a file that is out is shown",
    "answers in doubt": "what a crash takes back was shown",
    "the shorter log counts": "what a reader just saw is taken back, and another write has its position",
    "back in sync without the rest": "a copy that was made while others wrote lacks what they wrote",
    "a poll is read before its lease is on record": "neither the poll nor the writer tells the front",
    "whatever is in the cache counts": "a slow reader puts an old answer back",
    "a lease ends on record alone": "the front still thinks that it has one",
}
"""A part of the protocol, and what happens without it."""

_STARTS = {
    "acknowledged before the floor": State(left=A_LOST_FILE),
    "out of sync after the commit": State(left=A_LOST_FILE),
    "the in-sync set is read before the snapshot": State(logs=HALF_COMMITTED, left=A_LOST_FILE),
    "the shorter log counts": State(logs=HALF_COMMITTED, left=A_WRITE),
    "back in sync without the rest": State(left=A_LOST_FILE),
}


def start(broken: str) -> State:
    """Where the fewest states lead to what goes wrong without that part of the protocol."""
    return _STARTS.get(broken, State(left=A_WRITE))
