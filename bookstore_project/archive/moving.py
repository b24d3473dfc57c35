"""A running store of two files, carried over to a PostgreSQL server.

Its rows are copied while it sells, and what is sold meanwhile follows by the log. Then all rows are compared. For
the switch sales are held: what came last is carried over and compared, the files refuse from then on, and the store
counts on the server. Killed before the files refuse, the store goes on as it was; killed after it, it refuses. Either
way the same move, repeated, goes on where it was.
"""

import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from django.apps import apps

from bookstore_project.archive.consistent_snapshot import orders_to_finish
from bookstore_project.archive.making_room import make_room
from bookstore_project.replication import reads
from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.engine import arrival, copies
from bookstore_project.replication.failpoints import reached
from bookstore_project.replication.interface import Arrival
from bookstore_project.replication.invalidation import pushes
from bookstore_project.replication.log import entries
from bookstore_project.replication.progress import Progress
from bookstore_project.replication.service import Service, get_service, replicated_models
from bookstore_project.replication.transfer import comparing, migrating
from bookstore_project.replication.transfer.places import FilePlace, Model, Place, Row
from bookstore_project.settings import databases, secret_files, topology
from bookstore_project.sqlite_files import opened

ACCOUNTS = "accounts"
BATCH = 2_000
"""Log entries that are carried over in one transaction."""
ROUNDS = 5
"""How often what was sold meanwhile is carried over before sales are held, as long as it is much."""
LITTLE = 200
"""Entries that may be left for the switch."""
NAME = "move_to's address"


class CannotMove(Exception):
    """The store hasn't moved; the message says why."""


@dataclass
class Move:
    """From this store to the server of that URL. Its steps raise Unavailable, CannotMove, sqlite3.Error, OSError."""

    url: str
    say: Callable[[str], None]
    progress: Progress
    _targets: dict[str, Arrival] = field(default_factory=dict)
    _compared: set[str] = field(default_factory=set)
    """Services of which all rows were compared, up to where the target then was."""

    def run(self) -> bool:
        """False if the store had moved already."""
        copies.assert_can_move()
        if not self._claim(databases.parts_of_url(self.url, NAME)):
            return False
        services = [get_service(name) for name in topology.SERVICES]
        waiting = [service for service in services if not copies.has_handed_over(service)]
        for service in waiting:
            self._copy(service)
        for service in waiting:
            self._compare(service)
        self._switch(services)
        return True

    @cached_property
    def _source(self) -> str:
        """Which store this is."""
        return secret_files.fingerprint(secret_files.SECRET_KEY)

    # ------------------------------------------------------------------------------------------ while it sells

    def _claim(self, server: Mapping[str, Any]) -> bool:
        self._targets = {name: arrival(server, name) for name in (*topology.SERVICES, ACCOUNTS)}
        make_room(self._targets.values(), self.say)
        for name, target in self._targets.items():
            target.claim(self._source)
            reached(f"move-claimed-{name}")
        arrived = [name for name in topology.SERVICES if self._targets[name].progress().has_arrived]
        for name in arrived:
            if not copies.has_handed_over(get_service(name)):
                raise CannotMove(
                    f"The store had moved there, and its files of {name} were adopted again since. To move anew, "
                    f"drop the databases there ({', '.join(self._targets)})."
                )
        if topology.CATALOG in arrived:
            return False
        with tempfile.TemporaryDirectory(prefix="moving-") as folder:
            migrating.migrate(Path(folder), self.url)
        reached("move-migrated")
        # From now on no node with another key starts there.
        self._targets[ACCOUNTS].record({secret_files.SECRET_KEY.name: self._source})
        return True

    def _copy(self, service: Service) -> None:
        """All rows, unless an interrupted move has copied them, and the log reaches back to where it stood."""
        target = self._targets[service.name]
        with _read(service) as source:
            if not source.continues(target.progress().head):
                source.copy(target, self.progress)
                self.say(f"{service.name}: copied up to position {source.head.position}.")
            reached(f"move-copied-{service.name}")
        for _ in range(ROUNDS):
            with _read(service) as source:
                source.assert_continues(target)
                carried = source.carry(target, self.progress)
            if carried <= LITTLE:
                return

    def _compare(self, service: Service) -> None:
        target = self._targets[service.name]
        with _read(service) as source:
            source.assert_continues(target)
            source.carry(target, self.progress)
            rows = source.compare(target, self.progress)
        self._compared.add(service.name)
        self.say(f"{service.name}: {rows} rows are the same in both places, up to position {source.head.position}.")
        reached(f"move-compared-{service.name}")

    # ---------------------------------------------------------------------------------------------- the switch

    def _switch(self, services: list[Service]) -> None:
        by_name = {service.name: service for service in services}
        catalog, order = by_name[topology.CATALOG], by_name[topology.ORDER]
        finish = (lambda: None) if copies.has_handed_over(catalog) else orders_to_finish()
        with copies.handing_over({catalog: finish, order: lambda: None}, pushes) as held:
            self.say("Sales are held.")
            reached("move-held")
            for service, connection in held.items():
                self._carry_last(Source(service, connection))
            self._copy_accounts()
            reached("move-carried")
        self.say("The files refuse from now on.")
        for name in (topology.ORDER, ACCOUNTS, topology.CATALOG):
            self._targets[name].open()
            reached(f"move-opened-{name}")

    def _carry_last(self, source: "Source") -> None:
        target = self._targets[source.service.name]
        if target.progress().has_arrived:
            return
        source.assert_continues(target)
        source.carry(target, self.progress)
        if source.service.name in self._compared:
            source.compare_changed(target)
        else:  # They refuse since an interrupted move.
            source.compare(target, self.progress)

    def _copy_accounts(self) -> None:
        models = list(replicated_models(apps, replication_settings.unreplicated_apps))
        target = self._targets[ACCOUNTS]
        with opened(topology.database_file(topology.ACCOUNTS), is_writable=True) as connection:
            connection.execute("BEGIN IMMEDIATE")  # Nobody changes a password meanwhile.
            place = FilePlace(connection)
            target.fill(None, {model: place.rows(model) for model in models}, _numbers(place, models))
            _assert_same(target, place, models, lambda: None)
            connection.execute("ROLLBACK")


class Source:
    """A service's rows in a snapshot of its file."""

    def __init__(self, service: Service, connection: sqlite3.Connection) -> None:
        self.service, self._connection = service, connection
        self.head = entries.read_head(connection)
        self._place = FilePlace(connection)
        self._models = [table.model for table in service.tables.values()]
        self._changed: dict[Model, dict[object, None]] = {}

    def continues(self, head: entries.Head | None) -> bool:
        """Whether the log leads on from there."""
        return head is not None and entries.hash_at(self._connection, head.position) == head.hash

    def assert_continues(self, target: Arrival) -> None:
        """Raises CannotMove if what the target lacks isn't in the log any more."""
        if not self.continues(target.progress().head):
            raise CannotMove(
                f"The log of {self.service.name} was shortened meanwhile: repeat the move, with more of it kept "
                "(BOOKSTORE_LOG_KEEP)."
            )

    def copy(self, target: Arrival, progress: Progress) -> None:
        numbers = [self._place.count(model) for model in self._models]
        tell = _Counted(partial(progress, f"copying {self.service.name}"), sum(numbers))
        target.fill(
            self.head,
            {model: tell.each(self._place.rows(model)) for model in self._models},
            _numbers(self._place, self._models),
        )
        tell.ends()

    def carry(self, target: Arrival, progress: Progress) -> int:
        """What the log has behind the target's head; how many entries."""
        begun = target.progress().head
        assert begun is not None
        at = begun.position
        while at < self.head.position:
            batch = list(entries.entries_after(self._connection, at, BATCH))
            newest = batch[-1]
            changes = self._changes(batch)
            for model, rows in changes.items():
                self._changed.setdefault(model, {}).update(dict.fromkeys(rows))
            head = entries.Head(newest.position, newest.hash)
            target.change(head, changes, _numbers(self._place, self._models))
            at = newest.position
            progress(f"following {self.service.name}", (at - begun.position) / (self.head.position - begun.position))
            reached("move-followed")
        return at - begun.position

    def _changes(self, batch: list[entries.Entry]) -> Mapping[Model, Mapping[object, Row | None]]:
        found: dict[Model, dict[object, Row | None]] = defaultdict(dict)
        for entry in batch:
            for row in entry.rows:
                model = self._model_of(row["table"])
                key = self._place.key_of_entry(model, row["key"])
                found[model][key] = None if row["row"] is None else self._place.row_of_image(model, row["row"])
        return found

    def _model_of(self, name: str) -> Model:
        if name not in self.service.tables:
            raise CannotMove(f"The log of {self.service.name} writes {name}, which is no table of it any more.")
        return self.service.tables[name].model

    def compare(self, target: Arrival, progress: Progress) -> int:
        """All rows, of which it gives the number. Raises CannotMove, naming one that isn't the same."""
        total = sum(self._place.count(model) for model in self._models)
        tell = _Counted(partial(progress, f"comparing {self.service.name}"), total)
        _assert_same(target, self._place, self._models, lambda: tell.more(comparing.STRIDE))
        tell.ends()
        return total

    def compare_changed(self, target: Arrival) -> None:
        """Those that `carry` has changed, and how many rows there are of each model."""

        def look(place: Place) -> str:
            differences = (
                comparing.difference_of(self._place, place, model, list(self._changed.get(model, ())), lambda: None)
                for model in self._models
            )
            return next(filter(None, differences), "")

        if found := target.look(look):
            raise CannotMove(f"{self.service.name} isn't the same in both places: {found}.")


class _Counted:
    """Tells the part of so many rows that is done."""

    def __init__(self, tell: Callable[[float], None], total: int) -> None:
        self._tell, self._total, self._done = tell, max(1, total), 0

    def more(self, count: int) -> None:
        self._done += count
        self._tell(min(1.0, self._done / self._total))

    def each(self, rows: Iterator[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows, start=1):
            yield row
            if number % comparing.STRIDE == 0:
                self.more(comparing.STRIDE)

    def ends(self) -> None:
        self._tell(1.0)


@contextmanager
def _read(service: Service) -> Iterator[Source]:
    with reads.reading(service.name) as snapshot:
        yield Source(service, copies.connection(snapshot.alias))


def _numbers(place: FilePlace, models: list[Model]) -> dict[Model, int]:
    return {model: place.last_number(model) for model in models}


def _assert_same(target: Arrival, place: Place, models: list[Model], tell: Callable[[], None]) -> None:
    def look(theirs: Place) -> str:
        return next(filter(None, (comparing.difference(place, theirs, model, tell) for model in models)), "")

    if found := target.look(look):
        raise CannotMove(f"{target.name} isn't the same in both places: {found}.")
