"""What the special words of the cluster page mean, as docs/glossary.md has it: shown to whoever points at one."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "replica": "a process with its own database file",
    "copy": "the database file of a replica",
    "front": "a process that caches, balances, and answers customers",
    "position": "the number of an entry in the log, without gaps",
    "head": "the newest position",
    "floor": "the position up to which everything is on every copy in sync, and visible",
    "lag": "how many entries a copy lacks",
    "epoch": "a term of the in-sync set: it rises whenever the set changes, or by what a file is known",
    "in-sync set": "the copies that count",
    "primary": "the server that takes all writes",
    "standby": "a server that follows the primary, and may take its place",
    "timeline": "a history from one beginning",
    "quorum": "as many members as are enough to decide: of three, two",
    "lease": "the time for which a front may use its cache",
    "rotation": "the replicas that take turns",
    "round robin": "each request goes to the next replica in turn",
    "hit": "answered from the cache",
    "miss": "answered by a replica, and cached",
    "bypass": "answered by a replica, past the cache",
    "invalidation": "dropping what is older than a position",
    "eviction": "an entry goes, as there is no room",
    "expiry": "an entry goes, as it is too old",
    "LRU": "least recently used: the entry that goes first if there is no room",
    "p50": "half of the answers came sooner",
    "p99": "99 of 100 answers came sooner",
}
