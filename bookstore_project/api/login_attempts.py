"""How many logins have failed of late: by account and address, counted across all processes of the store.

A small table in a file that all nodes share (docs/adr/0016), or on the server that they share: its size is fixed,
whatever strangers send, and no file of the accounts is touched. What is kept of a name or an address is a keyed
digest.
"""

import fcntl
import hashlib
import hmac
import logging
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from bookstore_project.api import problems
from bookstore_project.clock import Clock
from bookstore_project.settings import databases, topology

logger = logging.getLogger("bookstore.accounts")
DETAIL = "Too many logins have failed. Nothing was looked at: try again later."

SETS, WAYS = 1024, 8
"""A key belongs to one set, and takes one of its places: 192 KiB in all."""
_PLACE = struct.Struct("<8sdd")
SIZE_BYTES = SETS * WAYS * _PLACE.size
KNOWN_FOR_S = 90 * 24 * 3600.0
"""How long an address counts as one from which the account has logged in."""
_LOCK_TRIES, _LOCK_PAUSE_S = 20, 0.002
_FORGOTTEN_EVERY_S = 30.0
"""By which counts are compared when one has to give its place away."""
_FAMILIAR_LEVEL = 1e6
"""More than any count, after any time: failures take no known address's place."""


@dataclass(frozen=True)
class Limit:
    """So many failures at once, and one more after each `every_s` seconds."""

    most: int
    every_s: float


PAIR = Limit(5, 30.0)
"""Of one account from one address."""
FAMILIAR_PAIR = Limit(5, 10.0)
"""The same, where that account has logged in from there before."""
ADDRESS = Limit(20, 15.0)
"""Of all accounts from one address; not for the familiar."""
ACCOUNT = Limit(30, 10.0)
"""Of one account from all addresses; not for the familiar. It slows strangers down, and locks nobody out for long."""
EVERYBODY = Limit(40, 1.0)
"""Of all strangers: what their guesses may cost in hashing. Not for the familiar."""
TOKENS = Limit(20, 15.0)
"""Unknown tokens from one address."""


@dataclass
class Place:
    """One key's: how many failures count at the moment `at`, in epoch seconds."""

    number: int
    key: bytes
    level: float
    at: float


class Table:
    """Levels by key. What can't be read counts as empty: a table that is gone, cut or garbled begins anew."""

    def __init__(self, path: Path, secret: Callable[[], str], clock: Clock = time.time) -> None:
        self.path = path
        self._secret = secret
        self._clock = clock

    @contextmanager
    def opened(self) -> Iterator["OpenTable"]:
        """For one look and one change. Raises OSError.

        Whoever is stopped with the lock in hand (SIGSTOP) delays others by milliseconds: then they count without.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(_LOCK_TRIES):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(_LOCK_PAUSE_S)
            yield OpenTable(_FilePlaces(descriptor), self._secret().encode(), self._clock())
        finally:
            os.close(descriptor)


class Places(Protocol):
    """Where the places of a table are, by their numbers."""

    def read(self, first: int, count: int) -> list[Place]:
        """Those from that number on; one that was never written has no key."""

    def write(self, place: Place) -> None: ...


class _FilePlaces:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, first: int, count: int) -> list[Place]:
        raw = os.pread(self._descriptor, count * _PLACE.size, first * _PLACE.size)
        raw = raw.ljust(count * _PLACE.size, b"\0")
        return [Place(first + number, *_PLACE.unpack_from(raw, number * _PLACE.size)) for number in range(count)]

    def write(self, place: Place) -> None:
        os.pwrite(self._descriptor, _PLACE.pack(place.key, place.level, place.at), place.number * _PLACE.size)


class OpenTable:
    def __init__(self, places: Places, secret: bytes, now: float) -> None:
        self._places_of_all = places
        self._secret = secret
        self.now = now

    def level(self, name: str, every_s: float) -> float:
        """How many failures count for that name now, if one is forgotten every so many seconds."""
        place = self._find(name)
        return 0.0 if place is None else _left(place, every_s, self.now)

    def add(self, name: str, amount: float, every_s: float) -> None:
        """Counts more, or with a negative amount takes back."""
        place = self._find(name) or self._take(name)
        level = max(0.0, _left(place, every_s, self.now) + amount)
        self._write(Place(place.number, place.key, level, self.now))

    def put(self, name: str, level: float) -> None:
        place = self._find(name) or self._take(name)
        self._write(Place(place.number, place.key, level, self.now))

    def age_s(self, name: str) -> float:
        """Since it was put; infinite if it wasn't."""
        place = self._find(name)
        return float("inf") if place is None else self.now - place.at

    def _digest(self, name: str) -> bytes:
        return hmac.digest(self._secret, b"attempts\0" + name.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def _find(self, name: str) -> Place | None:
        digest = self._digest(name)
        return next((place for place in self._places(digest) if place.key == digest[8:16]), None)

    def _take(self, name: str) -> Place:
        """The place of a key that has none: a free one, or that of the least, and of those the oldest."""
        digest = self._digest(name)
        place = min(self._places(digest), key=lambda each: (_left(each, _FORGOTTEN_EVERY_S, self.now), each.at))
        return Place(place.number, digest[8:16], 0.0, self.now)

    def _places(self, digest: bytes) -> list[Place]:
        first = int.from_bytes(digest[:8], "little") % SETS * WAYS
        return [_sound(place, self.now) for place in self._places_of_all.read(first, WAYS)]

    def _write(self, place: Place) -> None:
        self._places_of_all.write(place)


def _sound(place: Place, now: float) -> Place:
    """What no clock and no count can have written counts as nothing."""
    is_sound = 0 <= place.level <= _FAMILIAR_LEVEL and 0 <= place.at <= now + 1
    return place if is_sound else Place(place.number, b"", 0.0, 0.0)


def _left(place: Place, every_s: float, now: float) -> float:
    return max(0.0, place.level - max(0.0, now - place.at) / every_s)


class Attempts:
    """Lets logins be tried, within limits.

    A guess is counted before it is checked, so that many at once don't slip through together, and taken back if it
    was none. What is refused isn't counted: whoever goes on guessing makes nobody wait longer.
    """

    def __init__(self, table: Table | None = None) -> None:
        """With that of the store, which is where its accounts are, if none is named."""
        self._table = table

    @cached_property
    def table(self) -> Table:
        if self._table is not None:
            return self._table
        made: Table = import_string(databases.LOGIN_ATTEMPTS)(topology.DATA / "attempts", lambda: settings.SECRET_KEY)
        return made

    def begin(self, account: str, address: str) -> bool:
        """Counts an attempt; whether it is a familiar's: the account has logged in from that address before.

        Raises Throttled.
        """
        try:
            with self.table.opened() as table:
                is_familiar = table.age_s(_familiar(account, address)) < KNOWN_FOR_S
                limits = limits_of(account, address, is_familiar)
                wait_s = max(
                    (table.level(name, limit.every_s) + 1 - limit.most) * limit.every_s
                    for name, limit in limits.items()
                )
                if wait_s > 0:
                    raise problems.Throttled(DETAIL, wait_s=wait_s)
                for name, limit in limits.items():
                    table.add(name, 1, limit.every_s)
                return is_familiar
        except OSError as error:
            logger.warning("Failed logins can't be counted: %s", error)
            return False

    def take_back(self, account: str, address: str, is_familiar: bool) -> None:
        """It was neither right nor wrong: the accounts couldn't be read, or there was no time."""
        self._change(account, address, is_familiar, has_succeeded=False)

    def succeeded(self, account: str, address: str, is_familiar: bool) -> None:
        """Forgets the pair's failures, and knows the address from now on."""
        self._change(account, address, is_familiar, has_succeeded=True)

    def _change(self, account: str, address: str, is_familiar: bool, *, has_succeeded: bool) -> None:
        try:
            with self.table.opened() as table:
                for name, limit in limits_of(account, address, is_familiar).items():
                    table.add(name, -1, limit.every_s)
                if has_succeeded:
                    table.put(_pair(account, address), 0.0)
                    table.put(_familiar(account, address), _FAMILIAR_LEVEL)
        except OSError as error:
            logger.warning("Failed logins can't be counted: %s", error)

    def unknown_token(self, address: str) -> None:
        """Counts a token that is nobody's. Raises Throttled beyond the limit; a right one is never asked."""
        try:
            with self.table.opened() as table:
                wait_s = (table.level(f"tokens\0{address}", TOKENS.every_s) + 1 - TOKENS.most) * TOKENS.every_s
                if wait_s > 0:
                    raise problems.Throttled(DETAIL, wait_s=wait_s)
                table.add(f"tokens\0{address}", 1, TOKENS.every_s)
        except OSError as error:
            logger.warning("Failed logins can't be counted: %s", error)


def _pair(account: str, address: str) -> str:
    return f"pair\0{account}\0{address}"


def _familiar(account: str, address: str) -> str:
    return f"familiar\0{account}\0{address}"


def limits_of(account: str, address: str, is_familiar: bool) -> Mapping[str, Limit]:
    """What counts an attempt, by the name under which it is kept."""
    if is_familiar:
        return {_pair(account, address): FAMILIAR_PAIR}
    return {
        _pair(account, address): PAIR,
        f"address\0{address}": ADDRESS,
        f"account\0{account}": ACCOUNT,
        "everybody": EVERYBODY,
    }


attempts = Attempts()
"""Of this store, shared by all its processes."""
