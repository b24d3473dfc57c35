"""What is to be done to make a host what it shall be, decided from what it is. Nothing is done here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.hosts.cluster import Refused
from deploy.hosts.parts import Part, Places, unit

UNITS = Path("/etc/systemd/system")
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
"""Debian's package would make and start a PostgreSQL of its own otherwise."""
DEBIANS_UNITS = {
    "etcd": "etcd-server",
    "haproxy": "haproxy",
    "postgresql": "postgresql-15",
    "redis-server": "redis-server",
}
"""What the packages start by themselves, by its unit: it would listen where nobody needs it."""
REQUIREMENTS = "deploy/requirements-hosts.txt"
REQUIREMENTS_TEXTS = ("requirements.txt", "requirements-postgresql.txt", REQUIREMENTS)
"""What it names, and itself: when one of them changes, it is installed again."""


@dataclass(frozen=True)
class Present:
    """What is there before."""

    texts: Mapping[Path, str] = field(default_factory=dict)
    """Of files that may have to be written."""
    packages: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    """Of Debian's, those that run or are enabled."""
    running: frozenset[str] = frozenset()
    """Of ours."""


@dataclass(frozen=True)
class Folder:
    path: Path
    user: str
    mode: int = 0o700

    def __str__(self) -> str:
        return f"folder {self.path}, for {self.user}"


@dataclass(frozen=True)
class Writing:
    path: Path
    text: str
    user: str
    mode: int = 0o600

    def __str__(self) -> str:
        return f"write {self.path}"


@dataclass(frozen=True)
class Command:
    arguments: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return self.why


Step = Folder | Writing | Command


def of_host(parts: Sequence[Part], places: Places, present: Present, requirements: str) -> list[Step]:
    """All that is to be done, in order; only `enable` is said again to systemd if nothing has changed.

    `requirements`: the text of what is to be installed in the checkout's .venv.
    """
    steps = [*_packages(parts, present), *_libraries(places, present, requirements)]
    if "bookstore" not in present.users and any(part.user == "bookstore" for part in parts):
        steps.append(Command(("useradd", "--system", "--shell", "/usr/sbin/nologin", "bookstore"), "user bookstore"))
    steps += [Folder(folder, "root", 0o755) for folder in (places.configuration, places.data)]
    changed = {part.name: files(part, present) for part in parts}
    for part in parts:
        steps += [*folders(part), *changed[part.name]]
    served = [part for part in parts if part.command]
    units = [Writing(UNITS / part.unit, unit(part, places), "root", 0o644) for part in served]
    new_units = [writing for writing in units if present.texts.get(writing.path) != writing.text]
    steps += new_units
    if new_units:
        steps.append(Command(("systemctl", "daemon-reload"), "have systemd read its units again"))
    is_new = {writing.path.name for writing in new_units}
    for part in served:
        steps += _start(part, present, is_changed=bool(changed[part.name]), is_new=part.unit in is_new)
    return steps


def folders(part: Part) -> list[Step]:
    return [Folder(part.folder, part.user), Folder(part.data, part.user)]


def files(part: Part, present: Present) -> list[Step]:
    """Those that aren't what they should be. What a program rewrites is compared with what it was given at first."""
    found: list[Step] = []
    for file in part.all_files():
        path = part.folder / file.name
        given = path.with_name(f"{file.name}.given") if file.is_rewritten else path
        if present.texts.get(given) != file.text:
            found += [Writing(each, file.text, part.user) for each in sorted({path, given})]
    return found


def paths(parts: Iterable[Part]) -> list[Path]:
    """Of the files whose present texts have a say."""
    written = [
        part.folder / (f"{file.name}.given" if file.is_rewritten else file.name)
        for part in parts
        for file in part.all_files()
    ]
    return [*written, *(UNITS / part.unit for part in parts if part.command), NO_CLUSTER]


def _packages(parts: Sequence[Part], present: Present) -> list[Step]:
    needed = {name for part in parts for name in part.packages}
    missing = sorted(needed - present.packages)
    steps: list[Step] = []
    if missing:
        if "postgresql-15" in missing:
            steps += [Folder(NO_CLUSTER.parent, "root", 0o755)]
            steps += [Writing(NO_CLUSTER, "create_main_cluster = false\n", "root", 0o644)]
        steps += [
            Command(("apt-get", "update", "-qq"), "ask Debian which packages there are"),
            Command(
                ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing),
                f"install {', '.join(missing)}",
            ),
        ]
    stopped = [
        f"{name}.service"
        for name, package in DEBIANS_UNITS.items()
        if package in missing or (package in needed and name in present.units)
    ]
    if stopped:
        steps.append(Command(("systemctl", "mask", "--now", *stopped), "stop what the packages start by themselves"))
    return steps


def _libraries(places: Places, present: Present, requirements: str) -> list[Step]:
    """In the checkout's .venv, where the store's are, too. A mark beside them says what was installed."""
    venv = places.python.parents[1]
    mark = venv / "requirements-hosts.txt"
    if present.texts.get(mark) == requirements:
        return []
    named = ("-r", str(places.checkout / REQUIREMENTS))
    return [
        Command(("python3", "-m", "venv", str(venv)), f"make {venv}"),
        Command(
            (str(places.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *named),
            "install Patroni and what the store needs from PyPI",
        ),
        Writing(mark, requirements, "root", 0o644),
    ]


def _start(part: Part, present: Present, *, is_changed: bool, is_new: bool) -> list[Step]:
    steps: list[Step] = [Command(("systemctl", "enable", "--quiet", part.unit), f"{part.name}: at each boot")]
    if part.name not in present.running:
        steps.append(Command(("systemctl", "start", part.unit), f"{part.name}: start"))
    elif is_changed and part.is_reloaded and not is_new:
        steps.append(Command(("systemctl", "reload", part.unit), f"{part.name}: read its files again"))
    elif is_changed or is_new:
        steps.append(Command(("systemctl", "restart", part.unit), f"{part.name}: start again with what has changed"))
    return steps


def require_way_in(checkout: Path, modes: Mapping[Path, int]) -> None:
    """Raises Refused if one of those folders, the checkout's parents and itself, is closed to others."""
    closed = [str(folder) for folder, mode in modes.items() if not mode & 0o001]
    if closed:
        raise Refused(
            f"The users postgres and bookstore can't enter {closed[0]}. Clone the repository to /opt/bookstore, "
            f"and call `make host` there (now: {checkout})."
        )
