"""Does what `steps` has decided, and looks up what it is decided by."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from deploy.hosts.cluster import Refused
from deploy.hosts.parts import Part
from deploy.hosts.steps import DEBIANS_UNITS, Command, Folder, Present, Step, Writing


def carry_out(step: Step) -> None:
    """Raises Refused if it fails, with what was said."""
    match step:
        case Folder():
            step.path.mkdir(parents=True, exist_ok=True)
            step.path.chmod(step.mode)
            shutil.chown(step.path, step.user, _group(step.user))
        case Writing():
            _write(step)
        case Command():
            # They say what is the matter themselves, at once.
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(step.arguments, check=False, env=environment)  # noqa: S603  # Ours.
            if done.returncode != 0:
                raise Refused(
                    f"{' '.join(step.arguments)}: exit status {done.returncode}. After mending it, call again."
                )


def _write(step: Writing) -> None:
    """Whole or not at all, and never open to others meanwhile."""
    draft = step.path.with_name(f".{step.path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(step.text)
    shutil.chown(draft, step.user, _group(step.user))
    draft.chmod(step.mode)
    draft.replace(step.path)


def look(paths: Iterable[Path], packages: Iterable[str], our_parts: Iterable[str]) -> Present:
    """What is there now."""
    return Present(
        texts={path: path.read_text() for path in paths if path.is_file()},
        packages=frozenset(name for name in packages if _is_installed(name)),
        users=frozenset(entry.pw_name for entry in pwd.getpwall()),
        units=frozenset(name for name in DEBIANS_UNITS if _says("systemctl", "is-enabled", name) == "enabled"),
        running=frozenset(
            name for name in our_parts if _says("systemctl", "is-active", f"bookstore-{name}") == "active"
        ),
    )


def as_user(part: Part, capability: str = "") -> list[str]:
    """What runs a command as systemd does by User= and AmbientCapabilities=."""
    named = f"+{capability.lower()}"
    capabilities = [f"--inh-caps={named}", f"--ambient-caps={named}"] if capability else []
    return ["setpriv", f"--reuid={part.user}", f"--regid={_group(part.user)}", "--init-groups", *capabilities]


def managing(store: Part, command: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """What runs a command of manage.py as its unit runs the nodes, in their folder of data; and the environment."""
    called = [*as_user(store), "env", "-C", str(store.data), *store.command[:-1], *command]
    return called, {"PATH": "/usr/bin:/bin", **store.all_environment()}


def memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def _is_installed(package: str) -> bool:
    return _says("dpkg-query", "-W", "-f=${Status}", package) == "install ok installed"


def _says(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603  # Ours.
