"""The data folder of tests."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

OURS = "bookstore-test-"


def folder() -> str:
    """One for each process that runs tests, which removes it at its end, and for that one's children."""
    prefix = f"{OURS}{os.environ.get('PYTEST_XDIST_WORKER', 'main')}-"
    given = os.environ.get("BOOKSTORE_DATA", OURS)
    name = Path(given).name
    is_of_another = name.startswith(OURS) and not name.startswith(prefix)
    if not is_of_another:
        return given
    made = tempfile.mkdtemp(prefix=prefix)
    atexit.register(_remove, made, os.getpid())
    return made


def _remove(made: str, owner: int) -> None:
    if os.getpid() == owner:  # And not a fork of it.
        shutil.rmtree(made, ignore_errors=True)
