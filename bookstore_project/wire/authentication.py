"""HTTP Basic, tokens and sessions for people, the service token for nodes."""

import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache.backends.locmem import LocMemCache
from django.db import DatabaseError
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from bookstore_project.wire import accounts, headers, problems

_process_key = secrets.token_bytes(32)
_verified = LocMemCache("verified-passwords", {"TIMEOUT": 300, "OPTIONS": {"MAX_ENTRIES": 1000}})


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
    """HTTP Basic that hashes a password once in five minutes, not with every request.

    What is remembered is a keyed digest of the password and of its stored hash: changing the password, or
    deactivating the account, takes effect at once.
    """

    www_authenticate_realm = "bookstore"

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is not None:
            _verified.set(_header_key(request.META["HTTP_AUTHORIZATION"]), True)
        return found

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[Any, None]:
        if "\x00" in userid or "\x00" in password:
            raise exceptions.AuthenticationFailed("Invalid username or password.")
        user = get_user_model()._default_manager.filter(username=userid).first()
        if user is not None and user.is_active and _verified.get(_proof(user, password)):
            return user, None
        user, _ = super().authenticate_credentials(userid, password, request)
        _verified.set(_proof(user, password), True)
        return user, None


def is_hashing(authorization: str) -> bool:
    """Whether to check this header may mean to hash a password: a long time of a core, whoever asks for it."""
    return authorization[:6].lower() == "basic " and not _verified.has_key(_header_key(authorization))


def _header_key(authorization: str) -> str:
    return hmac.new(_process_key, b"header\0" + authorization.encode(), hashlib.sha256).hexdigest()


def _proof(user: AbstractBaseUser, password: str) -> str:
    message = f"{user.pk}\0{user.password}\0{password}".encode()
    return hmac.new(_process_key, message, hashlib.sha256).hexdigest()


class TokenAuthentication(ByAccount, authentication.TokenAuthentication):
    """`Authorization: Token <key>`; `manage.py token USER` prints the key."""


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
