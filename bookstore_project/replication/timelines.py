"""Timelines: a service's history from one beginning. What takes history back, or can't vouch for it, begins another.

Positions, pushes, polls and cache entries carry the timeline's id, and a front that meets another one forgets what
it had cached. Between the last answer of the old timeline and the first of the new one nobody may be able to hit the
cache: whoever changes the timeline first makes the replicas refuse (no usable witness, or an empty in-sync set), then
waits the leases out.
"""

import time
import uuid

from bookstore_project.replication.conf import replication_settings


def new_timeline() -> str:
    """An id that no timeline had before."""
    return uuid.uuid4().hex[:8]


def wait_out_leases() -> None:
    """Returns when every lease that was granted before this call has run out.

    The caller sees to it that no replica grants one meanwhile. A front counts its lease from when it sent the poll,
    so that one that was answered before this call ends within one lease from now.
    """
    time.sleep(replication_settings.lease_s)
