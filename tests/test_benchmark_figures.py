"""How benchmarks count: processor time, what the load generator says, and goals."""

import json
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest

from benchmarks import __main__ as bench
from benchmarks import goals, load, replication, yardstick
from benchmarks.processor_time import TICKS_PER_S, Meter
from tests import tool

BURNER = """
import sys, threading, time
sys.stdin.readline()
began = time.process_time()
def burn():
    while time.process_time() < began + 0.3:
        pass
thread = threading.Thread(target=burn)
thread.start()
thread.join()
print(time.process_time() - began, flush=True)
sys.stdin.readline()
"""
SAID = """Running 1s test @ http://127.0.0.1:8000
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   641.56ms  396.81ms   1.78s    72.00%
  Latency Distribution
     50%  641.56ms
     75%    1.01s
     90%    1.20s
     99%    1.50s
  71 requests in 2.00s, 21.70KB read
  Socket errors: connect 1, read 2, write 0, timeout 4
  Non-2xx or 3xx responses: 11
Requests/sec:     35.50
"""


@pytest.mark.processes
def test_the_time_that_a_process_burns_is_counted_with_its_threads_and_only_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BURNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as burner:
        assert burner.stdin is not None
        assert burner.stdout is not None
        meter = Meter(lambda: {burner.pid: "burner"})
        burner.stdin.write("begin\n")
        burner.stdin.flush()
        burned = float(burner.stdout.readline())
        counted = meter.take()["burner"]
        assert burned - 2 / TICKS_PER_S <= counted
        assert meter.take()["burner"] < burned / 2
        burner.stdin.close()
        burner.wait()
        assert meter.take() == {}


def test_requests_that_failed_are_not_among_those_that_were_answered() -> None:
    found = load.read(SAID)
    assert (found.answered, found.failed, found.rate) == (60, 18, 30.0)
    assert (found.median_ms, found.p99_ms) == pytest.approx((641.56, 1500))


def test_what_is_no_answer_of_the_load_generator_is_refused() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        load.read("unable to connect")


MISS, IDLE = "miss ÷ read at the catalog", "idle store"


@pytest.mark.parametrize(
    ("figures", "status"),
    [
        ({MISS: {"ratio": 0.57}}, 0),
        ({MISS: {"ratio": 0.55}}, 1),
        ({IDLE: {"% of a core": 1.2}}, 0),
        ({IDLE: {"% of a core": 1.3}}, 1),
        ({}, 0),
    ],
)
def test_less_than_four_fifths_of_a_goal_is_a_failure(figures: goals.Figures, status: int) -> None:
    assert goals.exit_status(figures, {}, is_quick=False) == status
    assert goals.exit_status(figures, {}, is_quick=True) == 0


def test_processor_time_is_judged_by_that_of_before() -> None:
    title = yardstick.purchases(16)
    now, before = ({title: {"ours, processor ms a request": milliseconds}} for milliseconds in (20.0, 40.0))
    assert goals.missed(now, {}) == []
    assert [goal.is_of_before for goal in goals.missed(now, before)] == [True]
    assert "0.50" in goals.table(now, before)[1]


def test_the_table_shows_before_now_and_goal() -> None:
    (_, line) = goals.table({MISS: {"ratio": 0.4}}, {MISS: {"ratio": 0.3}})
    assert line.split()[-5:] == ["0.30", "0.40", "≥", "0.70", "MISSED"]


def test_goals_name_figures_that_are_measured() -> None:
    assert {yardstick.purchases(customers) for customers in (1, 16, 64)} <= {goal.title for goal in goals.GOALS}
    assert f"{replication.WRITERS} writers ÷ 1 writer" in {goal.title for goal in goals.GOALS}


def test_what_was_measured_before_an_interruption_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole run takes most of an hour."""

    def start(*_: object) -> goals.Figures:
        return {"from `make run` to ready": {"again, s": 1.5}}

    def stop(*_: object) -> goals.Figures:
        raise tool.Interrupted(signal.SIGINT)

    json_file, folder = tmp_path / "figures.json", tmp_path / "run"
    folder.mkdir()
    running = nullcontext(Mock(folder=folder))
    monkeypatch.setattr(tool, "running", lambda *_, **__: running)
    monkeypatch.setattr(bench, "PARTS", {"start": start, "stop": stop, "import": stop})
    monkeypatch.setattr("sys.argv", ["bench", "--json", str(json_file)])
    with pytest.raises(tool.Interrupted):
        bench.main()
    told = capsys.readouterr().out
    assert "again, s" in told
    assert told.endswith("Not measured: stop, import.\n")
    assert json.loads(json_file.read_text()) == start()
