"""Static files: names with a hash, compressed once, kept for a year; without them pages work, too."""

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import brotli
import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from bookstore_project.cluster import preparation
from bookstore_project.static_files import collecting
from bookstore_project.static_files.storage import YEAR_S, HashedFiles, QuickCompressor, StaticFilesMiddleware

STYLE = "body { background: url('pictures/paper.svg'); }\n" + "p { color: #123456; }\n" * 100
PICTURE = "<svg xmlns='http://www.w3.org/2000/svg'/>\n" * 50


@pytest.fixture(autouse=True)
def _connections_are_left_alone() -> Iterator[None]:
    """At the end of a request Django looks at all of them: also at those that a test before has left open."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


@pytest.fixture
def sources(tmp_path: Path, settings: Settings) -> Path:
    """The only static files that there are: a style, and a picture that it names."""
    sources = tmp_path / "sources"
    (sources / "pictures").mkdir(parents=True)
    (sources / "style.css").write_text(STYLE)
    (sources / "pictures" / "paper.svg").write_text(PICTURE)
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [sources]
    settings.STATIC_ROOT = tmp_path / "static" / "files"
    return sources


def change(file: Path, text: str) -> None:
    file.write_text(text)
    os.utime(file, ns=(1, 1))


def served(path: str, accepted: str = "", *, middleware: StaticFilesMiddleware | None = None) -> HttpResponse:
    def no_view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=404)

    request = RequestFactory().get(path, headers={"Accept-Encoding": accepted})
    return (middleware or StaticFilesMiddleware(no_view))(request)


def content_of(response: HttpResponse) -> bytes:
    with closing(response):
        return b"".join(response)


@pytest.mark.parametrize(
    ("accepted", "coding", "unpack"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("", None, bytes),
        ("identity", None, bytes),
    ],
)
def test_a_file_is_kept_for_a_year_and_sent_as_the_browser_takes_it(
    sources: Path, accepted: str, coding: str | None, unpack: Callable[[bytes], bytes]
) -> None:
    assert collecting.collect()
    address = HashedFiles().url("style.css")
    answer = served(address, accepted)
    assert answer["Cache-Control"] == f"max-age={YEAR_S}, public, immutable"
    assert answer.get("Content-Encoding") == coding
    assert "Accept-Encoding" in answer["Vary"]
    assert b"p { color" in unpack(content_of(answer))


def test_names_tell_the_content_also_within_a_style(sources: Path) -> None:
    collecting.collect()
    before, picture = HashedFiles().url("style.css"), HashedFiles().url("pictures/paper.svg")
    assert picture.removeprefix("/static/").encode() in content_of(served(before))
    change(sources / "pictures" / "paper.svg", PICTURE * 2)
    assert collecting.collect()
    assert HashedFiles().url("pictures/paper.svg") != picture
    assert HashedFiles().url("style.css") != before, "it names another picture now"


def test_what_is_up_to_date_is_left_alone(sources: Path) -> None:
    assert collecting.collect()
    assert not collecting.collect()
    change(sources / "style.css", STYLE + STYLE)
    assert collecting.collect()
    assert not collecting.collect()


def test_addresses_of_before_still_answer(sources: Path) -> None:
    """A node that runs has the names of before, and so has a page that somebody has open."""
    collecting.collect()
    running = StaticFilesMiddleware(lambda request: HttpResponse(status=404))
    before = HashedFiles().url("style.css")
    change(sources / "style.css", "p { color: #654321; }\n" * 100)
    collecting.collect()
    for middleware in (running, None):
        assert b"#123456" in brotli.decompress(content_of(served(before, "br", middleware=middleware)))


def test_no_file_takes_a_large_window_to_compress() -> None:
    """It took 30 MB for each of those that are compressed at once: the supervisor had 230 MB at a first start."""
    compressed = QuickCompressor.compress_brotli(bytes(1_000_000))
    assert compressed[0] & 1 == 0, "RFC 7932, 9.1: the stream begins with a bit of 0 if its window has 16 bits"


@pytest.mark.parametrize("left", ["nothing", "half a draft", "no mark", "moved away"])
def test_a_kill_at_any_moment_is_mended_by_the_next_start(sources: Path, settings: Settings, left: str) -> None:
    collecting.collect()
    folder = Path(settings.STATIC_ROOT or "")
    change(sources / "pictures" / "paper.svg", PICTURE * 2)
    draft = folder.with_name("files.new")
    if left == "half a draft":
        draft.mkdir()
        (draft / "half.css").write_text("p {")
    elif left == "no mark":
        (folder / collecting.MARK).unlink()
    elif left == "moved away":
        folder.rename(folder.with_name("files.old"))
    assert collecting.collect()
    assert b"p { color" in content_of(served(HashedFiles().url("style.css")))
    assert [path.name for path in folder.parent.iterdir()] == ["files"]
    assert not (folder / "half.css").exists()


@pytest.mark.filterwarnings("ignore:No directory at")
@pytest.mark.parametrize("damage", ["nothing", "no manifest", "half a manifest", "no files", "never collected"])
def test_pages_work_whatever_became_of_the_folder(sources: Path, settings: Settings, damage: str) -> None:
    collecting.collect()
    folder = Path(settings.STATIC_ROOT or "")
    manifest = folder / "staticfiles.json"
    if damage == "no manifest":
        manifest.unlink()
    elif damage == "half a manifest":
        manifest.write_text(manifest.read_text()[:40])
    elif damage == "no files":
        manifest.write_text(json.dumps({"version": "1.1", "hash": "", "paths": {}}))
    elif damage == "never collected":
        shutil.rmtree(folder)
    address = HashedFiles().url("style.css")
    assert (address == "/static/style.css") == (damage != "nothing")
    answer = served(address)
    assert b"p { color" in content_of(answer)
    assert ("immutable" in answer["Cache-Control"]) == (damage == "nothing")


def test_a_plain_name_answers_and_is_not_kept_for_long(sources: Path) -> None:
    collecting.collect()
    answer = served("/static/style.css")
    answer.close()
    assert (answer.status_code, answer["Cache-Control"]) == (200, "max-age=60, public")
    assert served("/static/nothing.css").status_code == 404


def test_a_start_goes_on_without_a_place_for_them(sources: Path, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    settings.STATIC_ROOT = tmp_path / "in-the-way" / "files"
    told: list[str] = []
    preparation.collect_static_files(told.append)
    assert told[0].startswith("Static files weren't collected, and go out uncompressed: ")
