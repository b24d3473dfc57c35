"""Reads the BOOKSTORE_ environment variables; a value that makes no sense is named, with what would."""

import ipaddress
import math
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    return os.environ.get(f"BOOKSTORE_{name}", "").strip() or default


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, without empty items."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def networks(name: str) -> list[str]:
    """Comma-separated IP addresses and networks; raises ImproperlyConfigured for anything else."""
    found = words(name)
    for word in found:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise ImproperlyConfigured(
                f"BOOKSTORE_{name}: {word!r} is neither an address nor a network, such as 10.0.0.0/8."
            ) from None
    return found


def number(name: str, default: float, *, least: float = 0, most: float = math.inf) -> float:
    """A finite number of at least `least`, and `most` at most; raises ImproperlyConfigured otherwise."""
    raw = text(name, str(default))
    try:
        value = float(raw)
    except ValueError:
        value = float("nan")
    if not least <= value <= most or math.isinf(value):
        limit = "" if math.isinf(most) else f", and {most:g} at most"
        raise ImproperlyConfigured(f"BOOKSTORE_{name}={raw!r}: expected a number of at least {least:g}{limit}.")
    return value


def one_of(name: str, choices: tuple[str, ...]) -> str:
    """One of `choices`, the first by default; raises ImproperlyConfigured otherwise."""
    value = text(name, choices[0])
    if value not in choices:
        raise ImproperlyConfigured(f"BOOKSTORE_{name}={value!r}: expected one of {', '.join(choices)}.")
    return value


def secret(path: Path, *, is_created: bool) -> str:
    """The secret kept in a file of that path; if there is none yet, a new one (owner-readable) with `is_created`.

    Raises ImproperlyConfigured without it, and for a file that holds no secret. A node never makes its own: nobody
    else would know it. Two processes that start at once agree: the file appears whole, under its name, once.
    """
    if not path.exists():
        if not is_created:
            raise ImproperlyConfigured(
                f"{path} is missing, and a node doesn't make its own: "
                "run `manage.py prepare` without a node first, or `make run`."
            )
        _create_secret(path)
    value = path.read_text().strip()
    if len(value) < 32:
        raise ImproperlyConfigured(f"{path} holds no secret of at least 32 characters.")
    return value


def _create_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # The other process was first: its secret counts.
    finally:
        draft.unlink()
