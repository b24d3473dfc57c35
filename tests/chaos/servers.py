"""The servers of a store on PostgreSQL: a primary, and the standby that confirms its commits."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.databases import SERVICES
from tests.postgres import Server, primary_and_standby

IS_WHOLE = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'"


@dataclass(frozen=True)
class Servers:
    """Both of them, for as long as a run lasts."""

    primary: Server
    standby: Server

    def is_whole(self) -> bool:
        """Whether commits are confirmed."""
        with suppress(psycopg.Error):
            return bool(self.primary.execute(IS_WHOLE))
        return False

    def damage(self) -> list[str]:
        """What the primary finds wrong with its own tables and indexes."""
        return [f"{name}: {told}" for name in SERVICES for told in [self.primary.check(name)] if told]


@contextmanager
def servers() -> Iterator[Servers]:
    """In a folder of the run's: the path of a test's own may be too long for a socket."""
    with primary_and_standby(Path(tempfile.mkdtemp(prefix="servers-"), "both")) as (primary, standby):
        yield Servers(primary, standby)
