"""Reads the BOOKSTORE_ environment variables; a value that makes no sense is named, with what would."""

import ipaddress
import math
import os
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    return os.environ.get(f"BOOKSTORE_{name}", "").strip() or default


def text_of_file(name: str) -> str:
    """What the file says that the variable names; raises ImproperlyConfigured if that can't be read."""
    path = text(name)
    try:
        return Path(path).read_text().strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"BOOKSTORE_{name}={path!r} can't be read: {error}.") from None


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


def time_zone(name: str, default: str) -> str:
    """The name of a zone in the IANA time zone database; raises ImproperlyConfigured for anything else."""
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):  # Of no zone, of what can't be a name, of a folder of zones.
        known = {zone.lower(): zone for zone in available_timezones()}
        close = [known[zone] for zone in get_close_matches(value.lower(), known, n=1)]
        meant = f" Did you mean {close[0]}?" if close else ""
        raise ImproperlyConfigured(
            f"BOOKSTORE_{name}={value!r}: expected the name of a time zone, such as Europe/Berlin or UTC.{meant}"
        ) from None
    return value
