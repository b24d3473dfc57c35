"""Finding a request in the logs of all nodes: by its id, in order of time, whatever the format and the hour."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from bookstore_project.cluster import tracing
from bookstore_project.settings import topology

ORDER = "5520f4fc-2e87-414f-969f-7fcb7fe4855e"


def write(folder: Path, name: str, *lines: str, written: str = "2026-03-02 12:00:00") -> None:
    """A log whose last line was written then."""
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    moment = datetime.fromisoformat(f"{written}+00:00").timestamp()
    os.utime(path, (moment, moment))


def record(at: str, message: str, request_id: str, **more: str) -> str:
    """A JSON line; `at` is in UTC."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC).isoformat(timespec="milliseconds")
    members = {
        "at": moment,
        "level": "info",
        "node": "x",
        "logger": "x",
        "message": message,
        "request_id": request_id,
    }
    return json.dumps({**members, **more})


def told(folder: Path, wanted: str) -> list[str]:
    return [str(line) for line in tracing.trace(folder, wanted)]


def test_lines_of_all_nodes_come_in_order_of_time_whatever_their_format(tmp_path: Path) -> None:
    write(
        tmp_path,
        "front.log",
        "11:00:00.020 POST /purchase/2 201 order-1 9.0 ms  [me]",
        "11:00:01.000 GET / 200  [you]",
    )
    write(tmp_path, "order-1.log", record("2026-03-02 11:00:00.015", "POST /api/v1/orders/ 201", "me"))
    write(tmp_path, "catalog-2.log", "11:00:00.010 POST /internal/sales/ 201 catalog-2 3.0 ms  [me]")
    assert told(tmp_path, "me") == [
        "2026-03-02 11:00:00.010  catalog-2  POST /internal/sales/ 201 catalog-2 3.0 ms  [me]",
        "2026-03-02 11:00:00.015  order-1    POST /api/v1/orders/ 201  [me]",
        "2026-03-02 11:00:00.020  front      POST /purchase/2 201 order-1 9.0 ms  [me]",
    ]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_lines_are_in_utc_whatever_zone_the_pages_are_in(tmp_path: Path, settings: Settings, zone: str) -> None:
    settings.TIME_ZONE = zone
    write(tmp_path, "front.log", "01:59:59.900 POST /purchase/2 201  [me]", written="2026-03-02 01:59:59")
    write(tmp_path, "order-1.log", record("2026-03-02 02:00:00.015", "POST /api/v1/orders/ 201", "me"))
    assert told(tmp_path, "me") == [
        "2026-03-02 01:59:59.900  front      POST /purchase/2 201  [me]",
        "2026-03-02 02:00:00.015  order-1    POST /api/v1/orders/ 201  [me]",
    ]


def test_an_id_is_matched_whole_and_in_its_place(tmp_path: Path) -> None:
    write(tmp_path, "front.log", "11:00:00.020 GET /me 200  [me-2]", "11:00:00.030 GET /search/[me] 200  [you]")
    assert told(tmp_path, "me") == []


def test_midnights_are_counted_back_from_when_the_log_was_written(tmp_path: Path) -> None:
    lines = ["23:59:59.900 a  [me]", "00:00:00.100 b  [me]", "23:00:00.000 c  [me]"]
    write(tmp_path, "front.log", *lines, written="2026-03-02 00:30:00")
    write(tmp_path, "front.log.1", "22:00:00.000 before  [me]", written="2026-02-28 22:00:00")
    assert [line.split("  ")[0] for line in told(tmp_path, "me")] == [
        "2026-02-28 22:00:00.000",
        "2026-02-28 23:59:59.900",
        "2026-03-01 00:00:00.100",
        "2026-03-01 23:00:00.000",
    ]


def test_what_is_out_of_order_by_moments_makes_no_midnight(tmp_path: Path) -> None:
    write(tmp_path, "front.log", "11:00:00.100 a  [me]", "11:00:00.050 b  [me]")
    assert [line[:10] for line in told(tmp_path, "me")] == ["2026-03-02", "2026-03-02"]


def test_a_traceback_belongs_to_its_line(tmp_path: Path) -> None:
    lines = [
        "11:00:00.000 error: broken  [me]",
        "Traceback (most recent call last):",
        "  File x",
        "11:00:00.001 b  [you]",
    ]
    write(tmp_path, "front.log", *lines, "Traceback (of another):")
    write(
        tmp_path, "order-1.log", record("2026-03-02 11:00:01", "broken", "me", level="error", exception="Trace\n  x")
    )
    assert told(tmp_path, "me") == [
        "2026-03-02 11:00:00.000  front      error: broken  [me]\nTraceback (most recent call last):\n  File x",
        "2026-03-02 11:00:01.000  order-1    error: broken  [me]\nTrace\n  x",
    ]


def test_lines_that_a_crash_has_cut_harm_nothing(tmp_path: Path) -> None:
    whole = record("2026-03-02 11:00:00", "whole", "me")
    write(
        tmp_path, "front.log", whole[: len(whole) - 4], "[me] nonsense", '{"request_id": "me"}', "{}", whole, "11:0"
    )
    (tmp_path / "order-1.log").write_bytes(b"\xff\xfe [me]\n11:00:00.000 \xff  [me]\n")
    assert {line.split("  ")[1].strip() for line in told(tmp_path, "me")} == {"front", "order-1"}


def test_what_was_finished_later_is_found_by_the_order_it_names(tmp_path: Path) -> None:
    write(tmp_path, "catalog-1.log", f"11:00:00.010 POST /internal/sales/ 201 (1 × book 2 for order {ORDER})  [me]")
    finished = f"warning: finished order {ORDER} from the ledger: 1 × “x”"
    write(tmp_path, "order-2.log", f"11:00:03.000 {finished}  [sweeper-1]", "11:00:03.010 else  [sweeper-1]")
    expected = ["(1 × book 2 for order", finished]
    for wanted in ("me", ORDER):
        lines = [line for line in told(tmp_path, wanted) if "else" not in line]
        assert len(lines) == 2
        assert all(text in line for text, line in zip(expected, lines, strict=True))


def test_the_command_says_clearly_what_it_does_not_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "LOG_DIR", tmp_path / "none")
    with pytest.raises(CommandError, match="has a line of nobody"):
        call_command("trace", "nobody")
    with pytest.raises(CommandError, match="is no request id"):
        call_command("trace", "two words")
