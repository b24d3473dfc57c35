"""How caches are kept in step with the catalog: one promise, and two experiments that show what it is worth."""

FULL, PUSH, NONE = "full", "push", "none"
COHERENCE = (FULL, PUSH, NONE)
"""Leases and floors, and no stale read; deletions and new answers sent on update, waiting for nobody; time alone."""
