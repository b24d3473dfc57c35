"""A Redis that Sentinels elect: which of several is written to, they say, at each new connection."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from bookstore_project.settings import tls

SCHEMES = {"redis+sentinel": False, "rediss+sentinel": True}
"""Whether it means TLS."""
PORT = 26379


@dataclass(frozen=True)
class Elected:
    """What a URL says: `redis+sentinel://[[user]:password@]host[:port],…/name[/database][?sentinel_password=…]`."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    """What the Sentinels call the Redis."""
    database: int
    username: str | None
    password: str | None
    sentinel_password: str | None
    is_encrypted: bool

    @property
    def location(self) -> str:
        return f"redis://{self.name}/{self.database}"

    def options(self, connection: dict[str, Any]) -> dict[str, Any]:
        """Of django-redis. `connection`: how long each Redis and each Sentinel is waited for, and the like."""
        # Not by the location's scheme: the pool would make connections that ask no Sentinel.
        reached = {**connection, **(_encryption() if self.is_encrypted else {})}
        known = {"username": self.username, "password": self.password}
        return {
            "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
            "SENTINELS": list(self.sentinels),
            "SENTINEL_KWARGS": {**reached, "password": self.sentinel_password},
            "CONNECTION_POOL_KWARGS": {**reached, **known},
        }


def is_meant(url: str) -> bool:
    """Raises ValueError, which may quote a password."""
    return urlsplit(url).scheme in SCHEMES


def parse(url: str) -> Elected:
    """Raises ValueError, which may quote a password."""
    parts = urlsplit(url)
    hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
    name, _, database = parts.path.strip("/").partition("/")
    asked = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if not name or not all(host.hostname for host in hosts) or asked.keys() - {"sentinel_password"}:
        raise ValueError(url)
    # The client reads the name as a host's, and a database as digits.
    if urlsplit(f"//{name}").hostname != name or (database and not (database.isascii() and database.isdigit())):
        raise ValueError(url)
    return Elected(
        sentinels=tuple((str(host.hostname), host.port or PORT) for host in hosts),
        name=name,
        database=int(database or 0),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sentinel_password=asked.get("sentinel_password", [None])[0],
        is_encrypted=SCHEMES[parts.scheme],
    )


def _encryption() -> dict[str, Any]:
    """Among hosts with certificates of their own, both sides show one; otherwise the other side alone."""
    if (shown := tls.CERTIFICATES) is None:
        return {"ssl": True}
    return {
        "ssl": True,
        "ssl_ca_certs": str(shown.authority),
        "ssl_certfile": str(shown.own),
        "ssl_keyfile": str(shown.key),
    }
