"""Something else in the place of a small file of the store's: nobody hangs, nobody stops, nothing is deleted."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bookstore_project import files
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.control import ControlSocket
from bookstore_project.cluster.logfiles import LogFile
from bookstore_project.cluster.process import read_pid, write_pid
from bookstore_project.settings import topology


def folder(path: Path) -> None:
    (path / "within").mkdir(parents=True)


def link_in_a_circle(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_a_folder(path: Path) -> None:
    path.with_name("elsewhere").mkdir(exist_ok=True)
    path.symlink_to("elsewhere")


THINGS: dict[str, Callable[[Path], None]] = {
    "a folder": folder,
    "a pipe": os.mkfifo,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link in a circle": link_in_a_circle,
    "a link to a folder": link_to_a_folder,
}


@pytest.fixture(params=THINGS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where something else lies than a file."""
    monkeypatch.setattr(topology, "DATA", tmp_path)
    path = tmp_path / "within" / "file"
    path.parent.mkdir()
    THINGS[request.param](path)
    return path


def test_it_is_not_read_and_is_known_for_what_it_is(place: Path) -> None:
    with pytest.raises(OSError) as caught:
        files.read(place)
    assert files.is_out_of_place(caught.value)
    assert read_pid(place) is None


def test_a_file_takes_its_place(place: Path) -> None:
    files.write(place, b"one")
    files.write(place, b"two", sync=True)
    assert files.read(place) == b"two"
    assert [path.name for path in place.parent.iterdir() if path.name != "elsewhere"] == ["file"]


def test_it_is_removed_or_put_aside(place: Path) -> None:
    is_full = (place / "within").exists()
    files.remove(place)
    assert not os.path.lexists(place)
    aside = list((topology.DATA / "aside").glob("within-file-*"))
    assert [(path / "within").exists() for path in aside] == [True] * is_full


def test_a_log_a_pid_and_a_socket_find_their_place(place: Path) -> None:
    write_pid(place)
    assert read_pid(place) == os.getpid()


def test_a_log_is_written(place: Path) -> None:
    log = LogFile(place)
    log.write(b"a line")
    log.close()
    assert place.read_bytes().endswith(b"a line\n")


def test_the_supervisors_socket_is_opened(place: Path) -> None:
    async def open_and_close() -> bool:
        control = ControlSocket({}, Console(), place)
        await control.open()
        is_open = place.is_socket()
        place.unlink()
        await control.reopen_if_gone()
        is_open_again = place.is_socket()
        control.close()
        return is_open and is_open_again

    assert asyncio.run(open_and_close())


def test_a_folder_takes_the_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "DATA", tmp_path)
    (tmp_path / "locks").write_text("not a folder")
    files.make_folder(tmp_path / "locks" / "catalog" / "mutex")
    assert (tmp_path / "locks" / "catalog" / "mutex").is_dir()
    (aside,) = (tmp_path / "aside").iterdir()
    assert aside.read_text() == "not a folder"


def test_nothing_outside_of_the_data_folder_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "DATA", tmp_path / "var")
    (tmp_path / "file").write_text("somebody's")
    with pytest.raises(OSError):
        files.make_folder(tmp_path / "file" / "folder")
    assert (tmp_path / "file").read_text() == "somebody's"


def test_a_file_that_is_created_replaces_none(place: Path) -> None:
    with pytest.raises(FileExistsError):
        files.create(place, b"mine")
    names = {path.name for path in place.parent.iterdir()} - {"elsewhere"}
    assert names == {"file"}, "no draft is left"


def test_of_two_who_create_a_file_one_has_its_content(tmp_path: Path) -> None:
    files.create(tmp_path / "new" / "file", b"first")
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "new" / "file", b"second")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "new").iterdir()] == [("file", b"first")]
    assert (tmp_path / "new" / "file").stat().st_mode & 0o777 == 0o600
