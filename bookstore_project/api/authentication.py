"""HTTP Basic, tokens and sessions for people, the service token for nodes."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import DatabaseError
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from bookstore_project.api import accounts, headers, passwords, problems
from bookstore_project.api.client_address import client_address
from bookstore_project.api.login_attempts import attempts


class AccountsUnavailable(exceptions.APIException):
    """The database of accounts is locked, damaged or gone: nobody knows who asks, so try again."""

    status_code = 503
    default_detail = accounts.DETAIL
    wait = problems.RETRY_AFTER_S


class ByAccount(authentication.BaseAuthentication):
    """What asks the accounts, and says so if they can't be read."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            return super().authenticate(request)
        except DatabaseError as error:
            if accounts.are_at_fault(error):
                raise AccountsUnavailable from error
            raise


class SessionAuthentication(ByAccount, authentication.SessionAuthentication):
    """A browser that has logged in; what changes anything needs its CSRF token, too."""


class BasicAuthentication(ByAccount, authentication.BasicAuthentication):
    """HTTP Basic, which comes with every request: `passwords` hashes it once."""

    www_authenticate_realm = "bookstore"

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is not None:
            passwords.verified.set(_header_key(request.META["HTTP_AUTHORIZATION"]), True)
        return found

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[Any, None]:
        if "\x00" in userid or "\x00" in password:
            raise exceptions.AuthenticationFailed("Invalid username or password.")
        with _explained():
            user, _ = super().authenticate_credentials(userid, password, request)
        return user, None


def is_hashing(authorization: str) -> bool:
    """Whether to check this header may mean to hash a password: a long time of a core, whoever asks for it."""
    return authorization[:6].lower() == "basic " and not passwords.verified.has_key(_header_key(authorization))


def _header_key(authorization: str) -> str:
    return passwords.digest("header", authorization)


@contextmanager
def _explained() -> Iterator[None]:
    """Within DRF's authentication, where only its own exceptions are expected."""
    try:
        yield
    except problems.Throttled as error:
        raise exceptions.Throttled(wait=error.wait_s, detail=error.detail) from error


class TokenAuthentication(ByAccount, authentication.TokenAuthentication):
    """`Authorization: Token <key>`; `manage.py token USER` prints the key. Who tries unknown ones is slowed down."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        try:
            return super().authenticate(request)
        except exceptions.AuthenticationFailed:
            with _explained():
                attempts.unknown_token(client_address(request))
            raise


class ServiceUser:
    """Another node, possibly acting for a member of staff."""

    is_authenticated = True
    is_active = True
    is_service = True
    is_anonymous = False
    pk = None

    def __init__(self, acting_for: str) -> None:
        self.username = acting_for or "service"
        self.is_staff = bool(acting_for)

    def get_username(self) -> str:
        return self.username

    def has_perm(self, permission: str) -> bool:
        """The front has asked whether the member of staff may; on its own account, a node changes nothing so."""
        return self.is_staff

    def __str__(self) -> str:
        return self.username


class ServiceAuthentication(authentication.BaseAuthentication):
    """Believes calls that carry the store's service token, compared in constant time."""

    def authenticate(self, request: Request) -> tuple[ServiceUser, None] | None:
        sent = request.headers.get(headers.SERVICE_TOKEN)
        if sent is None:
            return None
        if not hmac.compare_digest(sent.encode("utf-8", "replace"), settings.SERVICE_TOKEN.encode()):
            raise exceptions.AuthenticationFailed("Wrong service token.")
        return ServiceUser(unquote(request.headers.get(headers.ACTING_USER, ""))), None

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="bookstore"'
