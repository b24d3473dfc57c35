"""Programs beyond Python that tests call."""

import os
import shutil

import pytest


def require(program: str, package: str) -> str:
    """The program's path. Without it the test is skipped, naming the package; under CI, it fails."""
    path = shutil.which(program)
    if path is None:
        reason = f"this needs the program {program}: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
