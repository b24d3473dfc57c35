"""The store's secrets: made once, by the first preparation. Which ones its data was made with, a store remembers.

Order ids follow from the secret key: with another one, a purchase that is repeated under its idempotency key would be
bought twice. So a fingerprint of each secret lies beside each replica's file, and a process that has another secret
than most of them say refuses. A fingerprint is a SHA-256, which tells nothing of a random secret.
"""

import hashlib
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from bookstore_project import files
from bookstore_project.settings import topology

SHORTEST = 32
LONGEST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Secret:
    """A file that holds one, and the variable that says where it is."""

    name: str
    path: Path
    variable: str
    is_backed_up: bool


SECRET_KEY = Secret("secret-key", topology.SECRET_KEY_FILE, "BOOKSTORE_SECRET_KEY_FILE", is_backed_up=True)
SERVICE_TOKEN = Secret(
    "service-token", topology.SERVICE_TOKEN_FILE, "BOOKSTORE_SERVICE_TOKEN_FILE", is_backed_up=False
)
SECRETS = (SECRET_KEY, SERVICE_TOKEN)


class Unusable(ImproperlyConfigured):
    """A secret can't be had; the message says why, and how to bring it back."""


class Missing(Unusable):
    """Nothing is where it should be."""


class NoSecret(str):
    """Stands for a secret that can't be had: a command that does without goes on, another one is told why.

    Django asks for the truth of SECRET_KEY whenever it is used.
    """

    reason: Unusable

    def __bool__(self) -> bool:
        raise self.reason


def setting(secret: Secret) -> str:
    """The secret, for settings. A node without it doesn't start: raises Unusable."""
    try:
        return read(secret, is_node=topology.NODE is not None)
    except Unusable as error:
        if topology.NODE is not None:
            raise
        none = NoSecret()
        none.reason = error
        return none


def read(secret: Secret, *, is_node: bool = False) -> str:
    """The secret, if it is the one that the data was made with; for a node, only if that is known.

    Raises Unusable.
    """
    value = _value(secret)
    known = _known(secret)
    if not known:
        if is_node:
            raise Unusable(f"Nothing says that {secret.path} is this store's: run `manage.py prepare` first.")
        return value
    agreeing = known[_fingerprint(secret, value)]
    if 2 * agreeing <= known.total():
        raise Unusable(
            f"{secret.path} holds another secret than this store's data was made with. {_way_back(secret)} If it is "
            f"the right one, `manage.py secrets accept {secret.name}`."
        )
    return value


def fingerprint(secret: Secret) -> str:
    """By which the store knows it. Raises Unusable if it isn't the one that the data was made with."""
    return _fingerprint(secret, read(secret))


def problems() -> list[str]:
    """What is wrong with the secrets, in sentences."""
    found = []
    for secret in SECRETS:
        try:
            read(secret, is_node=True)
        except Unusable as error:
            found.append(str(error))
    return found


def ensure(has_history: Callable[[], bool]) -> None:
    """Makes the secrets that no data was made with yet, durably, and remembers which ones they are.

    `has_history`: whether there is data of before fingerprints were kept. Raises Unusable, OSError. Two processes at
    once agree.
    """
    for secret in SECRETS:
        try:
            read(secret)
        except Missing:
            if _known(secret) or (not any(map(_known, SECRETS)) and has_history()):
                raise
            make(secret)
            read(secret)
    remember()


def make(secret: Secret) -> None:
    """A new one, owner-readable, unless something is there."""
    with suppress(FileExistsError):  # Another process was first: its secret counts.
        files.create(secret.path, f"{secrets.token_urlsafe(48)}\n".encode())


def accept(secret: Secret) -> None:
    """From now on, what is there is this store's, whatever its data was made with. Raises Unusable, OSError."""
    said = {each.name: newest for each in SECRETS if (newest := _newest(each))}
    _write({**said, secret.name: _fingerprint(secret, _value(secret))})


def _newest(secret: Secret) -> str | None:
    known = _known(secret)
    return known.most_common(1)[0][0] if known else None


def remember() -> None:
    """From now on, the secrets that are there are this store's. Raises Unusable, OSError."""
    said = {}
    for secret in SECRETS:
        with suppress(Missing):
            said[secret.name] = _fingerprint(secret, _value(secret))
    _write(said)


def _write(said: dict[str, str]) -> None:
    content = json.dumps(said, indent=2).encode() + b"\n"
    for path in _places():
        with suppress(OSError):
            if files.read(path) == content:
                continue
        files.write(path, content, sync=True)


def _value(secret: Secret) -> str:
    try:
        value = files.read(secret.path, LONGEST_BYTES).decode().strip()
    except FileNotFoundError:
        raise Missing(_missing(secret)) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Unusable(f"{secret.path} can't be read: {why}. {_way_back(secret)}") from error
    if len(value) < SHORTEST:
        raise Unusable(f"{secret.path} holds no secret of at least {SHORTEST} characters. {_way_back(secret)}")
    return value


def _missing(secret: Secret) -> str:
    if any(map(_known, SECRETS)) or topology.NODE is None:
        return f"{secret.path} is missing, and this store's data was made with it. {_way_back(secret)}"
    return (
        f"{secret.path} is missing, and a node doesn't make its own: run `manage.py prepare` without a node first, "
        "or `make run`."
    )


def _way_back(secret: Secret) -> str:
    source = "a backup has it" if secret.is_backed_up else "or stop the store and have a new one made"
    return (
        f"Put it back ({source}), or say where it is with {secret.variable}. If it is lost: "
        f"`manage.py secrets renew {secret.name}`."
    )


def _known(secret: Secret) -> Counter[str]:
    """The fingerprints beside the data, and in how many places each of them is."""
    found: Counter[str] = Counter()
    for path in _places():
        with suppress(OSError, ValueError, LookupError, TypeError):
            said = json.loads(files.read(path))[secret.name]
            if isinstance(said, str):
                found[said] += 1
    return found


def _places() -> list[Path]:
    services = topology.SERVICES
    aliases = [alias for service in services for alias in topology.database_aliases(service)]
    return [topology.database_file(alias).with_name("secrets.json") for alias in aliases]


def _fingerprint(secret: Secret, value: str) -> str:
    return hmac.new(value.encode(), f"bookstore {secret.name}".encode(), hashlib.sha256).hexdigest()
