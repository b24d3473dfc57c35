"""A mutant of the protocol, in memory alone: the files stay as they are."""

import importlib.machinery
from pathlib import Path
from types import CodeType

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
loaded: set[str] = set()
"""Files with a mutant in them that were imported."""


def install(mutant: Mutant) -> None:
    """Whoever imports what the mutant breaks, from now on, gets it broken. Raises DoesNotFit."""
    contents: dict[str, str] = {}
    for edit in mutant.edits:
        path = str(ROOT / edit.file)
        contents[path] = edit.applied(contents.get(path) or Path(path).read_text())
    loader = importlib.machinery.SourceFileLoader
    plain = loader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if path not in contents:
            return plain(self, fullname)
        loaded.add(path)
        code: CodeType = compile(contents[path], path, "exec")
        return code

    loader.get_code = get_code  # type: ignore[assignment,method-assign]  # Of this one object.
