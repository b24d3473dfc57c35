"""What a mutant is: one promise broken on purpose, and the tests that have to notice."""

from dataclasses import dataclass
from pathlib import Path


class DoesNotFit(Exception):
    """The code has changed under the mutant: its text isn't there once."""


@dataclass(frozen=True)
class Edit:
    """A text that occurs once in a file, and what stands in its place."""

    file: str
    text: str
    instead: str

    def apply(self, root: Path) -> None:
        """Changes the file below `root`; raises DoesNotFit, and changes nothing."""
        path = root / self.file
        path.write_text(self.applied(path.read_text() if path.exists() else ""))

    def applied(self, content: str) -> str:
        """The file's content with the edit made. Raises DoesNotFit."""
        count = content.count(self.text)
        if count != 1:
            raise DoesNotFit(f"occurs {count} times in {self.file}: {self.text!r}")
        return content.replace(self.text, self.instead)


@dataclass(frozen=True)
class Mutant:
    """A break of the protocol. Every one of `tests` (node ids of pytest) fails with it, and passes without."""

    name: str
    harm: str
    """What would go wrong for a customer."""
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def mutant(name: str, harm: str, file: str, text: str, instead: str, *tests: str) -> Mutant:
    """A mutant of one edit, which most are."""
    return Mutant(name, harm, (Edit(file, text, instead),), tests)
