"""Runs the tests that hold for every engine on PostgreSQL: python -m tests.on_postgresql, with pytest's arguments.

Each process of the run starts a server of its own. Without the program nothing is run, and the package is named;
under CI that is a failure.
"""

import os
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

VARIABLE, POSTGRESQL = "TESTS_ON", "postgresql"
PACKAGE = "postgresql-15"
BINARIES = "/usr/lib/postgresql/15/bin"
OWNER = "bookstore"
"""The role of the store."""
PLACES = ("bookstore_project/replication", "bookstore_project/archive", "catalog_app", "order_app", "tests/coherence")
"""Where there are such tests."""
NO_TESTS = 5
"""Pytest's exit status if none of those that were chosen holds for every engine."""


def program(name: str) -> str | None:
    return shutil.which(name, path=f"{BINARIES}:{os.environ.get('PATH', '')}")


def url(data: str) -> str:
    """Of the server of a process whose data folder that is; empty in an ordinary run."""
    if os.environ.get(VARIABLE) != POSTGRESQL:
        return ""
    return f"postgresql://{OWNER}@{quote(str(Path(data, 'postgresql')), safe='')}/"


def main(arguments: list[str]) -> int:
    if program("postgres") is None:
        print(f"The tests on PostgreSQL need the program postgres: apt-get install {PACKAGE}")
        return 1 if os.environ.get("CI") == "true" else 0
    os.environ[VARIABLE] = POSTGRESQL
    import pytest  # Its plugins read the settings.

    has_place = any(Path(argument.partition("::")[0]).exists() for argument in arguments)
    status = pytest.main([*arguments, *(() if has_place else PLACES)])
    return 0 if status == NO_TESTS else int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
