"""What each process of a store would read or compile anew, kept by the process from which those are forked.

A third of what it takes to load the project is to read its bytecode, and to compile the methods of its dataclasses,
which Python writes as text each time (`dataclasses._create_fn`). Both are the same in all of these processes; what is
done with them isn't, so the project itself is loaded after the fork. A file that has changed since is read anew.
"""

import contextlib
import dataclasses
import gc
import importlib
import marshal
import os
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from bookstore_project.cluster import forkserver

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = "bookstore_project.settings.base"
LOADED = (
    "bookstore_project.asgi",
    "bookstore_project.cluster.launch",
    "bookstore_project.nodes.direct",
    "bookstore_project.nodes.gateway.batches",
    "bookstore_project.replication.web.direct",
    "bookstore_project.urls",
    "catalog_app.direct",
    "catalog_app.urls",
    "order_app.urls",
    "bookstore_project.archive.management.commands.audit",
    "bookstore_project.cluster.management.commands.cluster",
    "bookstore_project.cluster.management.commands.prepare",
    "bookstore_project.replication.management.commands.replication",
)
"""What nodes, supervisors and most commands load. What can't be loaded here is theirs to complain of."""
Modules = dict[str, str]
"""Name and path of each."""


class Compiled:
    """The code of modules and of texts. In use in this process, and in all that are forked from it, once `use`d."""

    def __init__(self) -> None:
        self._modules: dict[str, tuple[tuple[int, int], CodeType]] = {}
        self.texts: dict[str, CodeType] = {}
        self._read: Callable[[SourceFileLoader, str], CodeType | None] = SourceFileLoader.get_code

    def use(self) -> None:
        def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
            return self.module(loader, name)

        vars(dataclasses)["exec"] = self.execute
        SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign]  # Asked for code.

    def keep(self, modules: Modules) -> None:
        for name, path in modules.items():
            with contextlib.suppress(OSError, ImportError, SyntaxError):
                code = self._read(SourceFileLoader(name, path), name)
                if code is not None:
                    self._modules[path] = _version(path), code

    def module(self, loader: SourceFileLoader, name: str) -> CodeType | None:
        kept = self._modules.get(str(loader.path))
        if kept is not None and kept[0] == _version(str(loader.path)):
            return kept[1]
        return self._read(loader, name)

    def execute(self, text: str, in_globals: dict[str, Any], in_locals: dict[str, Any] | None = None) -> None:
        """As the `exec` that is built in; of each text the code is kept."""
        if (code := self.texts.get(text)) is None:
            code = self.texts[text] = compile(text, "<string>", "exec")
        exec(code, in_globals, in_locals)


def _version(path: str) -> tuple[int, int]:
    about = Path(path).stat()
    return about.st_mtime_ns, about.st_size


def learn(compiled: Compiled) -> None:
    """What the project is made of, from a fork that loads it and ends: nothing of it is loaded in this process."""
    told, tell = os.pipe()
    if not (pid := os.fork()):
        os.close(told)
        _load_and_tell(compiled, tell)
    os.close(tell)
    with os.fdopen(told, "rb") as file:
        said = file.read()
    os.waitpid(pid, 0)
    with contextlib.suppress(EOFError, ValueError, TypeError):  # It has failed: then all goes on without.
        modules, texts = marshal.loads(said)
        compiled.keep(modules)
        compiled.texts |= texts
    gc.freeze()  # As in `forkserver.load`.


def _load_and_tell(compiled: Compiled, tell: int) -> None:
    try:
        forkserver.forget_project()
        known = set(sys.modules)
        os.environ |= {"DJANGO_SETTINGS_MODULE": SETTINGS, "BOOKSTORE_NODE": ""}
        for name in LOADED:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        new = {name: getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - known}
        modules = {name: path for name, path in new.items() if path and path.endswith(".py")}
        with os.fdopen(tell, "wb") as file:
            file.write(marshal.dumps((modules, compiled.texts)))
    finally:
        os._exit(0)
