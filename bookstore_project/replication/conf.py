"""What a project tells replication: the setting REPLICATION, read here and nowhere else.

    REPLICATION = {
        "SERVICES": {"catalog": {"APPS": ["catalog_app"], "REPLICAS": {"catalog-1": URL, "catalog-2": URL}}},
        "DATA_DIR": Path("var"),
        ...
    }

A replica is a database alias, and the URL of the process that works on it; its file or server is that of DATABASES.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from bookstore_project.settings import modes
from bookstore_project.settings.topology import FRONT, Node, parse_address

if TYPE_CHECKING:  # It loads Django REST framework, which the supervisor can do without.
    from bookstore_project.api.cached_resources import CachedResource
    from bookstore_project.replication.row_counts import RowCount
    from bookstore_project.replication.text_indexes import TextIndex

DEFAULTS: Mapping[str, Any] = {
    "ENGINE": "sqlite_pair",
    "UNREPLICATED_APPS": (),
    "CACHED_RESOURCES": (),
    "TEXT_INDEXES": (),
    "ROW_COUNTS": (),
    "NODE": "",
    "FRONTS": {},
    "COHERENCE": modes.FULL,
    "LEASE_S": 1.5,
    "WRITE_WAIT_S": 2.0,
    "LOG_KEEP": 10_000,
    "SCRUB_EVERY_S": 3600.0,
}
REQUIRED = ("SERVICES", "DATA_DIR")


@dataclass(frozen=True)
class ServiceSettings:
    """What is told of a service, and where its replicas keep what they tell one another."""

    app_labels: tuple[str, ...]
    """The apps whose models it replicates."""
    replicas: Mapping[str, str]
    """Alias → URL, in a fixed order."""
    witness_file: Path
    lock_dir: Path


class ReplicationSettings:
    """Each key of the setting as an attribute, worked out at first use, and anew when a test overrides it.

    Raises ImproperlyConfigured where a key is missing that has no default, or is none that there is.
    """

    @cached_property
    def _members(self) -> Mapping[str, Any]:
        given: Mapping[str, Any] = getattr(settings, "REPLICATION", {})
        for key in given:
            if key not in DEFAULTS and key not in REQUIRED:
                raise ImproperlyConfigured(f"REPLICATION has no key {key!r}.")
        for key in REQUIRED:
            if key not in given:
                raise ImproperlyConfigured(f"REPLICATION needs {key!r}.")
        return {**DEFAULTS, **given}

    @cached_property
    def services(self) -> Mapping[str, ServiceSettings]:
        return {
            name: ServiceSettings(
                tuple(members["APPS"]),
                dict(members["REPLICAS"]),
                self.data_dir / "witness" / f"{name}.json",
                self.data_dir / "locks" / name,
            )
            for name, members in self._members["SERVICES"].items()
        }

    @cached_property
    def engine(self) -> str:
        """What keeps the rows: see `replication.engine`."""
        return str(self._members["ENGINE"])

    @cached_property
    def service_of_app(self) -> Mapping[str, str]:
        """By the app's label. What isn't here isn't replicated."""
        return {label: name for name, service in self.services.items() for label in service.app_labels}

    @cached_property
    def unreplicated_apps(self) -> tuple[str, ...]:
        """Labels of the apps whose models are in the default database, outside of replication."""
        return tuple(self._members["UNREPLICATED_APPS"])

    @cached_property
    def cached_resources(self) -> "tuple[CachedResource, ...]":
        """What fronts keep of the answers that show these services' rows.

        Raises ImproperlyConfigured if one of them isn't there: a change would touch no key of it.
        """
        if self.unknown_resources:
            raise ImproperlyConfigured(" ".join(self.unknown_resources))
        return self.known_resources

    @cached_property
    def known_resources(self) -> "tuple[CachedResource, ...]":
        """The same, without those that aren't there: for what the system checks come by, before they say so."""
        return tuple(found for found, _ in self._resources if found is not None)

    @cached_property
    def unknown_resources(self) -> tuple[str, ...]:
        """Of each that isn't there, what is wrong with its name."""
        return tuple(problem for _, problem in self._resources if problem)

    @cached_property
    def _resources(self) -> "list[tuple[CachedResource | None, str]]":
        return [_imported(path) for path in self._members["CACHED_RESOURCES"]]

    @cached_property
    def text_indexes(self) -> "tuple[TextIndex, ...]":
        """Of the words of these services' rows."""
        return tuple(map(import_string, self._members["TEXT_INDEXES"]))

    @cached_property
    def row_counts(self) -> "tuple[RowCount, ...]":
        """Of these services' rows, how many there are."""
        return tuple(map(import_string, self._members["ROW_COUNTS"]))

    @cached_property
    def service_of_alias(self) -> Mapping[str, str]:
        return {alias: name for name, service in self.services.items() for alias in service.replicas}

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """Of every database alias."""
        return {alias: Path(str(database["NAME"])) for alias, database in settings.DATABASES.items()}

    @cached_property
    def data_dir(self) -> Path:
        """Where witnesses, locks and leases are."""
        return Path(self._members["DATA_DIR"])

    @cached_property
    def node(self) -> str:
        """The name of this process's node: a replica's alias, or another's; empty in a management command."""
        return str(self._members["NODE"])

    @cached_property
    def service_of_node(self) -> str | None:
        """The service of which this process is a replica; None for a front and for a management command."""
        return self.service_of_alias.get(self.node)

    @cached_property
    def fronts(self) -> Mapping[str, str]:
        """The fronts that may hold leases, by name, with their addresses: writers wait for these alone."""
        return dict(self._members["FRONTS"])

    @cached_property
    def coherence(self) -> str:
        """One of `settings.modes.COHERENCE`. Anything but `full` is an experiment: reads may be stale."""
        return str(self._members["COHERENCE"])

    @cached_property
    def lease_s(self) -> float:
        """How long a front may use its cache after a poll, in seconds."""
        return float(self._members["LEASE_S"])

    @cached_property
    def write_wait_s(self) -> float:
        """How long a call may wait for a write that waits for a lease before its replica counts as hung."""
        return float(self._members["WRITE_WAIT_S"])

    @cached_property
    def log_keep(self) -> int:
        """Entries that a replica's log keeps."""
        return int(self._members["LOG_KEEP"])

    @cached_property
    def scrub_every_s(self) -> float:
        """Seconds between two scrubs; 0 is never."""
        return float(self._members["SCRUB_EVERY_S"])

    def url(self, alias: str) -> str:
        """Of the replica's process."""
        return self.services[self.service_of_alias[alias]].replicas[alias]

    def address(self, alias: str) -> str:
        """The same as HOST:PORT."""
        return urlsplit(self.url(alias)).netloc

    def reload(self) -> None:
        self.__dict__.clear()


def _imported(path: str) -> "tuple[CachedResource | None, str]":
    try:
        return import_string(path), ""
    except ImportError as error:
        return None, f"REPLICATION['CACHED_RESOURCES'] names {path!r}, which can't be imported: {error}."


replication_settings = ReplicationSettings()


def front_at(name: str, address: str) -> Node:
    """A front that listens on that address. Raises ImproperlyConfigured unless it is HOST:PORT."""
    host, port = parse_address("FRONTS", address)
    return Node(name, FRONT, host, port, 0)


def replica_beside(front: Node, service: str) -> Node | None:
    """The service's replica that listens on the front's host, if there is one."""
    for alias in replication_settings.services[service].replicas:
        host, port = parse_address("REPLICAS", replication_settings.address(alias))
        if host == front.host:
            return Node(alias, service, host, port, 0)
    return None


def _reload(*, setting: str, **kwargs: Any) -> None:
    if setting in ("REPLICATION", "DATABASES"):
        replication_settings.reload()


setting_changed.connect(_reload)
