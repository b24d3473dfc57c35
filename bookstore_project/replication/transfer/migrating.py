"""Databases as this code's migrations make them, of the other engine than this process's: by a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from bookstore_project.replication.errors import Unavailable

SETTINGS = "bookstore_project.settings.base"
_OWN = ("BOOKSTORE_NODE", "BOOKSTORE_DATABASE_URL", "BOOKSTORE_SECRET_KEY_FILE", "BOOKSTORE_SERVICE_TOKEN_FILE")


def migrate(data: Path, url: str = "") -> None:
    """Makes the databases on that server, or (without a URL) files in that data folder. Raises Unavailable."""
    environment = {name: value for name, value in os.environ.items() if name not in _OWN}
    environment |= {"BOOKSTORE_DATA": str(data), "DJANGO_SETTINGS_MODULE": SETTINGS}
    if url:
        environment["BOOKSTORE_DATABASE_URL"] = url
    command = [sys.executable, str(Path(settings.BASE_DIR, "manage.py")), "migrate", "--verbosity", "0"]
    done = subprocess.run(  # noqa: S603  (this interpreter, and a file of this project)
        command, check=False, env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Unavailable(f"The databases can't be made: {said[-1] if said else 'migrate failed'}")
