"""Collects the static files of all apps into `settings.STATIC_ROOT`, if they aren't the ones that are there already.

A kill leaves the files of before, or none: then pages name the files as their packages do, until the next time.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.management.commands import collectstatic
from django.core.management import call_command

from bookstore_project.cluster import lock
from bookstore_project.static_files.storage import BROTLI_QUALITY, BROTLI_WINDOW_BITS, HashedFiles

UNUSED = ("redoc", "*.txt", "LICENSE*", "README*")
"""What no page asks for; licences stay beside the files in their packages."""
MARK = "made-of"
"""A file beside the collected ones, which says of what they were made."""


def collect() -> bool:
    """Whether something was to be done. Two at once wait for one another. Raises OSError, ValueError."""
    assert settings.STATIC_ROOT is not None
    folder = settings.STATIC_ROOT
    with lock.exclusive(folder.parent, wait=True):
        wanted = _fingerprint()
        if _mark_of(folder) == wanted:
            return False
        draft, former = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
        _remove(draft, former)
        command = collectstatic.Command()
        command.storage = storage = HashedFiles(location=draft)
        call_command(command, interactive=False, verbosity=0, ignore_patterns=[*UNUSED])
        _keep_former(folder, draft)
        Path(storage.path(MARK)).write_text(wanted)
        if folder.exists():
            folder.rename(former)
        draft.rename(folder)
        _remove(former)
        return True


def _fingerprint() -> str:
    """Changes with any of the files, and with what makes others of them."""
    makers = f"{version('django')} {version('whitenoise')} {BROTLI_QUALITY} {BROTLI_WINDOW_BITS} {UNUSED}"
    return hashlib.sha256("\n".join([makers, *sorted(_sources())]).encode()).hexdigest()


def _sources() -> Iterator[str]:
    for finder in finders.get_finders():
        for name, storage in finder.list([*UNUSED]):
            about = Path(storage.path(name)).stat()
            yield f"{name} {about.st_size} {about.st_mtime_ns}"


def _mark_of(folder: Path) -> str:
    try:
        return (folder / MARK).read_text()
    except OSError:
        return ""


def _keep_former(folder: Path, draft: Path) -> None:
    """A node that runs, and a page that somebody has open, name the files of before."""
    for hashed in HashedFiles(location=folder).hashed_files.values():
        for suffix in ("", ".gz", ".br"):
            source, target = folder / f"{hashed}{suffix}", draft / f"{hashed}{suffix}"
            if source.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, target)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
