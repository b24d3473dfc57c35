"""Django's CACHES entry for the front's cache: in the process, or in a Redis that fronts share."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.settings import sentinels

EXPECTED = (
    "expected redis://[[user]:password@]host[:port][/database], the same with rediss:// (TLS), "
    "unix:///path/to/socket[?db=database], or, if Sentinels elect it (rediss+sentinel: by TLS), "
    "redis+sentinel://[[user]:password@]host[:port],host[:port]/name[/database][?sentinel_password=password], "
    "with special characters percent-encoded, and a name in lower case"
)


def in_process(size: int, size_mb: float, timeout_s: float) -> dict[str, Any]:
    """An exact LRU of `size` entries, or fewer if those take more than `size_mb` MiB."""
    return {
        "BACKEND": "frontend_app.cache.lru.LRUCache",
        "LOCATION": "books",
        "TIMEOUT": timeout_s,
        "OPTIONS": {"MAX_ENTRIES": size, "MAX_BYTES": int(size_mb * 1024 * 1024)},
    }


def redis(url: str, timeout_s: float, wait_s: float) -> dict[str, Any]:
    """The Redis at `url`; raises ImproperlyConfigured if nothing could ever be there, without repeating the URL.

    It need not be there now, or ever: see `frontend_app.cache.shared.cache`.
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    connection = {
        "socket_timeout": wait_s,
        "socket_connect_timeout": wait_s,
        # Not tried again: a miss costs less than another wait.
        "retry": Retry(NoBackoff(), 0),
        # Nothing of RESP3 is needed, and a new connection has fewer questions to ask first.
        "protocol": 2,
        "driver_info": None,
    }
    found = _elected(url, connection)
    if found is None:
        _check(url, connection)
    location, options = found or (url, {"CONNECTION_POOL_KWARGS": connection})
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": location,
        "TIMEOUT": timeout_s,
        "KEY_PREFIX": "bookstore",
        "VERSION": 1,
        "OPTIONS": {
            "SERIALIZER": "frontend_app.cache.shared.serializer.RawSerializer",
            "COMPRESSOR": "django_redis.compressors.identity.IdentityCompressor",
            **options,
        },
    }


def _elected(url: str, connection: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Where it is, and how it is reached; None if no Sentinel elects it. Raises ImproperlyConfigured."""
    try:
        if not sentinels.is_meant(url):
            return None
        found = sentinels.parse(url)
    except ValueError:  # Which may quote a password.
        raise ImproperlyConfigured(f"BOOKSTORE_CACHE_URL can't be used: {EXPECTED}.") from None
    return found.location, found.options(connection)


def _check(url: str, connection: dict[str, Any]) -> None:
    from redis import ConnectionPool, RedisError

    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            is_complete = bool(parts.path.strip("/")) and not parts.hostname
        else:
            database = parts.path.strip("/")
            is_complete = bool(parts.hostname) and (not database or (database.isascii() and database.isdigit()))
        # Knows the schemes, and what may stand in the query; connects to nothing.
        ConnectionPool.from_url(url, **connection).make_connection()
    except (TypeError, ValueError, RedisError):
        is_complete = False
    if not is_complete:
        # Its errors quote parts of the URL, which may be parts of a password.
        raise ImproperlyConfigured(f"BOOKSTORE_CACHE_URL can't be used: {EXPECTED}.") from None
