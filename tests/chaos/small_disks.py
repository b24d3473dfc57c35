"""Small disks for some of the replicas, so that they can be full; and processes that respect permission bits."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.faults import SMALL_DISKS, is_root
from tests.store import CLUSTER

SIZE = "300m"


@contextmanager
def small_disks(data: Path) -> Iterator[frozenset[str]]:
    """The folders that are disks of their own meanwhile; none where the machine doesn't allow it."""
    mounted: list[Path] = []
    try:
        for alias in SMALL_DISKS:
            folder = data / alias
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not is_root() or sys.platform != "linux" or not _mount(folder):
                break
            mounted.append(folder)
        yield frozenset(folder.name for folder in mounted)
    finally:
        for folder in mounted:
            _keep_and_unmount(folder)


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _keep_and_unmount(folder: Path) -> None:
    """What is in it is still there afterwards, for whoever looks into a violation."""
    copy = folder.with_name(f"{folder.name}.copy")
    shutil.copytree(folder, copy)
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
    if not os.path.ismount(folder):
        folder.rmdir()
        copy.rename(folder)


def command_bound_by_modes() -> list[str] | None:
    """The command that starts a store whose processes respect permission bits, if that is possible."""
    if not is_root():
        return list(CLUSTER)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return None
    return [setpriv, "--bounding-set", "-dac_override,-dac_read_search", *CLUSTER]
