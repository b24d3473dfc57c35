"""A clock of a machine's own, which can be set wrong while its programs run (`wrong_clock.c`)."""

import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("wrong_clock.c")


def compiled(folder: Path) -> Path:
    """What is preloaded, in that folder."""
    library = folder / "wrong_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SOURCE], check=True)
    return library


class Clock:
    """Right at first. `file` is its own, and has to be readable for the programs."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library, self._file = library, file
        file.parent.mkdir(parents=True, exist_ok=True)
        self.set(0)

    def set(self, by_s: int) -> None:
        """Wrong by so many seconds, from now on, for all who run."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:  # The same file: it is mapped.
            file.write(struct.pack("l", by_s))

    @property
    def environment(self) -> dict[str, str]:
        """Of the programs that shall have it."""
        return {"LD_PRELOAD": str(self._library), "WRONG_CLOCK": str(self._file)}
