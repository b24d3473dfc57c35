"""How a service stands, without a promise: for status, pages and metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bookstore_project.replication.errors import Unavailable
from bookstore_project.replication.postgresql import head
from bookstore_project.replication.postgresql.backend.base import wrapper
from bookstore_project.replication.postgresql.primary import first_answer, own_alias
from bookstore_project.replication.postgresql.status import status
from bookstore_project.replication.service import Service


@dataclass(frozen=True)
class ServerStanding:
    """As the primary tells it. Its aliases are two ways to one database: both are as it is."""

    timeline: str
    floor: int
    in_sync: tuple[str, ...]
    epoch: ClassVar[int] = 0

    @property
    def trusted(self) -> tuple[str, ...]:
        return self.in_sync

    @property
    def complaints(self) -> dict[str, str]:
        return {}


def standing(service: Service) -> ServerStanding:
    """Raises Unavailable if it can't be told. May be asked inside of a transaction, and says what that one sees."""
    database = wrapper(own_alias(service))
    found = first_answer(database, lambda: head.read(database.raw))
    return ServerStanding(found.timeline, found.position, tuple(service.aliases))


def can_serve(service: Service, alias: str) -> bool:
    return alias in standing(service).trusted


class StandingCollector(Collector):
    """Where the log ends. What can't be read is left out, rather than told wrong."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: without it, registering would collect, before the database is there."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            floor = standing(self._service).floor
        except Unavailable:
            return
        text = "Newest settled log entry: everybody may see it."
        family = GaugeMetricFamily("bookstore_replication_floor", text, labels=["service"])
        family.add_metric([self._service.name], floor)
        yield family
        text = "Of the log, what a standby has not on its disk."
        lag = GaugeMetricFamily("bookstore_replication_standby_lag_bytes", text, labels=["standby"])
        for standby in status(self._service).standbys:
            lag.add_metric([standby.name], standby.lag_bytes)
        yield lag
