"""Another interpreter, whose environment says nothing of the store but what the test says."""

import os
import subprocess
import sys

from bookstore_project.settings import topology


def python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BOOKSTORE_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | environment,
        cwd=topology.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
