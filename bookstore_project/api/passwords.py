"""Passwords are checked one by one, within limits, and not twice: each check takes a core for a long while."""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest

from bookstore_project.api import problems
from bookstore_project.api.client_address import client_address
from bookstore_project.api.login_attempts import attempts

REMEMBERED_S = 12 * 3600
LONGEST_WAIT_S = 8.0
BUSY = "Too many passwords are being checked. Nothing was looked at: try again shortly."
JOINING = 6
"""Threads that may wait for a check of the same password, under way in another."""

_process_key = secrets.token_bytes(32)
verified = LocMemCache("verified-passwords", {"TIMEOUT": REMEMBERED_S, "OPTIONS": {"MAX_ENTRIES": 1000}})
"""Digests of what was found right, by a key that this process alone has: nothing else gets in."""


def digest(kind: str, *parts: str) -> str:
    message = "\0".join((kind, *parts)).encode("utf-8", "surrogatepass")
    return hmac.new(_process_key, message, hashlib.sha256).hexdigest()


class Gate:
    """Lets one check through at a time, and a few wait; the others are told at once."""

    def __init__(self, waiting: int) -> None:
        self._places = threading.BoundedSemaphore(1 + waiting)
        self._turn = threading.Lock()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Raises Throttled."""
        if not self._places.acquire(blocking=False):
            raise problems.Throttled(BUSY, wait_s=1)
        try:
            if not self._turn.acquire(timeout=LONGEST_WAIT_S):
                raise problems.Throttled(BUSY, wait_s=1)
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()


class _Check:
    """One that is under way."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.is_judged = False
        """Whether it has found the password right or wrong, and was not cut short."""


class JoinedChecks:
    """Who asks for what is being checked already waits for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, _Check] = {}
        self._places = threading.BoundedSemaphore(JOINING)

    @contextmanager
    def leading(self, claim: str) -> Iterator[bool]:
        """Whether the caller is to check; otherwise somebody else has, meanwhile.

        Raises Throttled if nobody has come to an end in time: that is no wrong password.
        """
        until = time.monotonic() + LONGEST_WAIT_S
        while (other := self._begin(claim)) is not None:
            if not self._places.acquire(blocking=False):
                raise problems.Throttled(BUSY, wait_s=1)
            try:
                is_over = other.over.wait(max(0.0, until - time.monotonic()))
            finally:
                self._places.release()
            if not is_over:
                raise problems.Throttled(BUSY, wait_s=1)
            if other.is_judged:
                yield False
                return
        mine = self._under_way[claim]
        try:
            yield True
            mine.is_judged = True
        finally:
            with self._lock:
                del self._under_way[claim]
            mine.over.set()

    def _begin(self, claim: str) -> _Check | None:
        """The check of it that is under way; if there was none, the caller's is now, and None is returned."""
        with self._lock:
            other = self._under_way.get(claim)
            if other is None:
                self._under_way[claim] = _Check()
            return other


strangers = Gate(waiting=2)
familiars = Gate(waiting=2)
"""Those who log in from where they have logged in before don't stand in line with those who guess."""
joined_checks = JoinedChecks()


class PasswordBackend(ModelBackend):
    """settings.AUTHENTICATION_BACKENDS: Django's, for the API and for all forms.

    A password that this process has found right is known again by its digest, without hashing and whatever fails
    beside it; changing it, or deactivating the account, takes effect at once. Raises Throttled.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        claim = digest("claim", username, password)
        if user := _remembered(claim, username, password):
            return user
        with joined_checks.leading(claim) as is_leading:
            if not is_leading:
                # Wrong, if it isn't remembered now: to guess the same again is no other guess.
                return _remembered(claim, username, password)
            return self._checked(request, claim, username, password)

    def _checked(self, request: HttpRequest | None, claim: str, username: str, password: str) -> User | None:
        address = client_address(request)
        is_familiar = attempts.begin(username, address)
        try:
            with (familiars if is_familiar else strangers).passed():
                user = super().authenticate(request, username=username, password=password)
        except BaseException:
            attempts.take_back(username, address, is_familiar)
            raise
        if user is not None:
            attempts.succeeded(username, address, is_familiar)
            verified.set(claim, True)
            verified.set(_proof(user, password), True)
        return user


def _remembered(claim: str, username: str, password: str) -> User | None:
    """Asks the accounts only for what was right once."""
    if not verified.has_key(claim):
        return None
    user = User.objects.filter(username=username).first()
    is_right = user is not None and user.is_active and verified.has_key(_proof(user, password))
    return user if is_right else None


def _proof(user: User, password: str) -> str:
    return digest("proof", str(user.pk), user.password, password)
