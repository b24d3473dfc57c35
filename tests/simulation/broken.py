"""A mutant of the protocol, in memory alone: the files stay as they are."""

import ast
import importlib.machinery
import posix
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from tests.mutants.mutant import Edit, Mutant

ROOT = Path(__file__).parents[2]
loaded: set[str] = set()
"""Files with a mutant in them that were imported."""
_MARK = f"__import__({__name__!r}, fromlist=['met']).met()"
_sign = ""


def install(mutant: Mutant) -> None:
    """Whoever imports what the mutant breaks, from now on, gets it broken. Raises DoesNotFit."""
    contents: dict[str, str] = {}
    changed: dict[str, set[int]] = {}
    for edit in mutant.edits:
        path = str(ROOT / edit.file)
        before = contents.get(path) or Path(path).read_text()
        contents[path] = edit.applied(before)
        changed.setdefault(path, set()).add(first_changed_line(edit, before))
    loader = importlib.machinery.SourceFileLoader
    plain = loader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if path not in contents:
            return plain(self, fullname)
        loaded.add(path)
        code: CodeType = compile(marked(contents[path], changed[path]), path, "exec")
        return code

    loader.get_code = get_code  # type: ignore[assignment,method-assign]  # Of this one object.


# ------------------------------------------------------------------------------------------ whether it is met


def watch(sign: Path) -> None:
    """From now on a file is there once somebody has come to what the mutant breaks, in whatever process."""
    global _sign  # noqa: PLW0603 - the one per process, and of those that are forked from it
    sign.unlink(missing_ok=True)
    _sign = str(sign)


def is_met() -> bool:
    return bool(_sign) and Path(_sign).exists()


def met() -> None:
    """Somebody has come to what the mutant breaks."""
    if _sign:  # By the kernel's own call: it is no step of the store's.
        posix.close(posix.open(_sign, posix.O_CREAT | posix.O_WRONLY, 0o600))


def first_changed_line(edit: Edit, before: str) -> int:
    same = next(
        (at for at, (old, new) in enumerate(zip(edit.text, edit.instead, strict=False)) if old != new),
        min(len(edit.text), len(edit.instead)),
    )
    return before.count("\n", 0, before.index(edit.text) + same) + 1


def marked(content: str, lines: set[int]) -> ast.Module:
    """The module, which says so when it comes to one of the lines."""
    module = ast.parse(content)
    for line in sorted(lines, reverse=True):
        body, index = _place(module, line)
        mark = ast.parse(_MARK).body[0]
        body.insert(index, ast.copy_location(mark, body[min(index, len(body) - 1)]))
    return ast.fix_missing_locations(module)


def _place(module: ast.Module, line: int) -> tuple[list[ast.stmt], int]:
    """Before which statement: the innermost one at that line, or the first one after it in the block that it ends."""
    blocks = list(_blocks(module))  # From outside to inside.
    around = [body for body in blocks if body[0].lineno <= line <= (body[-1].end_lineno or 0)]
    before = [body for body in blocks if body[-1].end_lineno == line - 1]
    body = (around or [module.body])[-1]
    if not any(one.lineno <= line <= (one.end_lineno or 0) for one in body) and before:
        body = before[-1]
    index = next((at for at, one in enumerate(body) if (one.end_lineno or 0) >= line), len(body))
    if index == len(body) and isinstance(body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break):
        return body, index - 1
    return body, index


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block:
            yield block
    for child in ast.iter_child_nodes(node):
        yield from _blocks(child)
