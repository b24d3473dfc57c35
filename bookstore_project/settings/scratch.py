"""The data folder of tests."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def folder() -> str:
    """One for each process that runs tests, which removes it at its end, and for that one's children.

    Never one that somebody else has named: tests empty it, and a shop's data may be in that.
    """
    prefix = f"bookstore-test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}-"
    given = os.environ.get("BOOKSTORE_DATA", "")
    if Path(given).name.startswith(prefix):
        return given
    made = tempfile.mkdtemp(prefix=prefix)
    atexit.register(_remove, made, os.getpid())
    return made


def _remove(made: str, owner: int) -> None:
    if os.getpid() == owner:  # And not a fork of it.
        shutil.rmtree(made, ignore_errors=True)
