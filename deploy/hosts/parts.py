"""A program that a host runs, with its whole configuration: the same for systemd and for processes of a test.

Each part has a user, a folder of configuration and one of data, which nobody else may enter, and one command.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from urllib.parse import quote

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Places:
    """Where things are on a host."""

    checkout: Path = Path("/opt/bookstore")
    python: Path = Path("/opt/bookstore/.venv/bin/python")
    configuration: Path = Path("/etc/bookstore")
    data: Path = Path("/var/lib/bookstore")

    @property
    def bundle(self) -> Path:
        return self.configuration / "secrets.tar.gz"


@dataclass(frozen=True)
class File:
    """A file of a part, of its user's own."""

    name: str
    text: str
    is_rewritten: bool = False
    """By the program itself: then what stands there counts until we give another text."""


@dataclass(frozen=True)
class Part:
    """One program, or what people need to ask the others (no command)."""

    name: str
    description: str
    user: str
    folder: Path
    data: Path
    files: tuple[File, ...]
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    capability: str = ""
    """That it needs and its user lacks, as man 7 capabilities names it, without CAP_."""
    later_environments: tuple[str, ...] = ("environment.local",)
    """Files of its folder that may be missing: what they say counts more than its environment."""
    is_reloaded: bool = False
    """SIGHUP makes it read its files again, connections stay."""

    @property
    def unit(self) -> str:
        return f"bookstore-{self.name}.service"

    def all_files(self) -> tuple[File, ...]:
        """With its environment, as systemd reads it (man 5 systemd.exec)."""
        lines = [f'{name}="{value}"\n' for name, value in sorted(self.environment.items())]
        return (*self.files, File("environment", "".join(lines)))

    def all_environment(self) -> dict[str, str]:
        """What its unit is given, by the files as they are now."""
        given: dict[str, str] = {}
        for path in (self.folder / name for name in ("environment", *self.later_environments)):
            lines = path.read_text().splitlines() if path.exists() else []
            given |= {key: value.strip('"') for key, found, value in (line.partition("=") for line in lines) if found}
        return given


def unit(part: Part, places: Places) -> str:
    """The text of its systemd unit (man 5 systemd.service, systemd.exec, systemd.resource-control)."""
    limits = [f"{name}={value}" for name, value in sorted(part.limits.items())]
    if part.capability:
        limits.append(f"AmbientCapabilities=CAP_{part.capability}")
    return Template((TEMPLATES / "unit.service").read_text()).substitute(
        description=part.description,
        checkout=quote(str(places.checkout)).replace("%", "%%"),
        after=" ".join(part.after),
        user=part.user,
        folder=part.folder,
        data=part.data,
        command=" ".join(f'"{word}"' if " " in word else word for word in part.command),
        environments="\n".join(f"EnvironmentFile=-{part.folder}/{name}" for name in part.later_environments),
        reload="ExecReload=/bin/kill -HUP $MAINPID" if part.is_reloaded else "",
        limits="\n".join(limits),
    )
