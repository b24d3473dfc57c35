"""How the copies of a service stand, for /metrics: looked at when somebody asks."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bookstore_project.replication.conf import replication_settings
from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.log import entries
from bookstore_project.replication.service import Service
from bookstore_project.replication.sqlite_pair.files.participant import REPLICA_ERRORS
from bookstore_project.replication.sqlite_pair.files.source import snapshot_of
from bookstore_project.replication.sqlite_pair.membership.witness import read_witness


class StandingCollector(Collector):
    """The witness, and the heads of both logs. What can't be read is left out, rather than told wrong."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: without it, registering would collect, before the files are there."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        witness = None
        with suppress(Unavailable):
            witness = read_witness(self._service.witness_file)
        # After the witness: a copy that is in sync can't seem to lack what was settled meanwhile.
        heads = {alias: head for alias in self._service.aliases if (head := _head(alias)) is not None}
        yield _of_copies("position", "Newest entry of the copy's log.", heads)
        if witness is None:
            return
        in_sync = {alias: int(alias in witness.trusted) for alias in self._service.aliases}
        lag = {alias: max(0, witness.floor - head) for alias, head in heads.items()}
        yield _of_copies("in_sync", "Whether the copy is in sync, and not suspected.", in_sync)
        yield _of_copies("lag_entries", "Settled log entries that the copy lacks.", lag)
        yield self._of_service("floor", "Newest settled log entry: everybody may see it.", witness.floor)
        yield self._of_service("epoch", "How often the set of copies in sync has changed.", witness.epoch)

    def _of_service(self, name: str, text: str, value: int) -> GaugeMetricFamily:
        family = GaugeMetricFamily(f"bookstore_replication_{name}", text, labels=["service"])
        family.add_metric([self._service.name], value)
        return family


def _head(alias: str) -> int | None:
    with suppress(*REPLICA_ERRORS), snapshot_of(replication_settings.files[alias]) as connection:
        return entries.read_head(connection).position
    return None


def _of_copies(name: str, text: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"bookstore_replication_{name}", text, labels=["alias"])
    for alias, value in values.items():
        family.add_metric([alias], value)
    return family
