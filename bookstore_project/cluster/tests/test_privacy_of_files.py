"""Books, orders and accounts are their owner's alone, also where somebody runs a command by hand."""

from pathlib import Path

import pytest

from tests import loaded
from tests.store import ROOT, Store

pytestmark = pytest.mark.processes


def manage(store: Store, *arguments: str) -> None:
    """For whom the umask takes nothing away."""
    command = [str(ROOT / "manage.py"), *arguments]
    begin = f"import os, runpy, sys; os.umask(0); sys.argv = {command}"
    done = loaded.run(["-c", f"{begin}; runpy.run_path(sys.argv[0], run_name='__main__')"], store.environment)
    assert done.returncode == 0, done.stderr


def open_to_others(store: Store) -> list[Path]:
    return [path for path in (store.data, *store.data.rglob("*")) if path.stat().st_mode & 0o077]


def test_whatever_commands_write_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "data" / "var")
    manage(store, "migrate")
    assert (store.data / "accounts.sqlite3").exists()
    assert open_to_others(store) == []
    copied = store.data / "catalog-1" / "catalog.sqlite3"
    copied.unlink()
    manage(store, "replication", "repair")
    assert copied.exists()
    assert open_to_others(store) == []
    before = copied.stat().st_ino
    manage(store, "migrate", "catalog_app", "0002")
    assert copied.stat().st_ino != before
    assert open_to_others(store) == []
