"""A small disk of one machine: a file system in a file, mounted where nobody else sees it."""

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BALLAST = "ballast"
BLOCK_BYTES, CHUNK_BYTES = 4096, 1 << 20


@dataclass(frozen=True)
class Disk:
    """At `folder` of its machine, `size_mb` large."""

    image: Path
    folder: Path
    size_mb: int

    @property
    def mounted(self) -> tuple[str, str, str]:
        """Its kind, where it is, and where it is seen."""
        return "ext4", str(self.image), str(self.folder)

    def make(self) -> None:
        """With what lies in the folder now, unless there is one."""
        if self.image.exists():
            return
        with self.image.open("wb") as file:
            file.truncate(self.size_mb << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-d", self.folder, self.image], check=True)

    def fill(self, root: Path) -> None:
        """Until not a block is left. `root`: of the machine's file systems."""
        with (self._seen_by(root) / BALLAST).open("wb", buffering=0) as file:
            about = os.fstatvfs(file.fileno())
            size = about.f_bavail * about.f_frsize - CHUNK_BYTES
            os.posix_fallocate(file.fileno(), 0, max(BLOCK_BYTES, size))
            file.seek(0, os.SEEK_END)
            with suppress(OSError):
                while True:
                    file.write(bytes(BLOCK_BYTES))

    def free(self, root: Path) -> None:
        (self._seen_by(root) / BALLAST).unlink(missing_ok=True)

    def _seen_by(self, root: Path) -> Path:
        return root / self.folder.relative_to("/")
