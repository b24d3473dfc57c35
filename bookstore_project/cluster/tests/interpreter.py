"""Another interpreter, whose environment says nothing of the store but what the test says."""

import os
import subprocess

from tests import loaded


def python(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BOOKSTORE_")}
    return loaded.run(["-c", code], inherited | environment)
