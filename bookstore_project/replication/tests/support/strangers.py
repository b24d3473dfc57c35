"""What other programs do to files: by other processes, since closing a file here would let go of SQLite's locks."""

import subprocess
import sys
from pathlib import Path

from bookstore_project.replication.conf import replication_settings


def read_bytes(path: Path) -> bytes:
    return subprocess.run(["cat", str(path)], check=True, capture_output=True).stdout


def overwrite(path: Path, content: bytes) -> None:
    """In place."""
    subprocess.run(["sh", "-c", 'cat > "$0"', str(path)], input=content, check=True)


def copy(path: Path, target: Path) -> None:
    subprocess.run(["cp", path, target], check=True)


def look_with_a_tool(alias: str) -> None:
    """As `sqlite3 FILE` by hand: the last one to close the file merges its -wal."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM sqlite_master'); c.close()"
    )
    subprocess.run([sys.executable, "-c", code, replication_settings.files[alias]], check=True)


def lose(alias: str) -> None:
    """The replica's file is gone, with all that stood beside it."""
    path = replication_settings.files[alias]
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
