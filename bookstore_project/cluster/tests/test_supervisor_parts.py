"""The supervisor's parts, one by one."""

import os
import resource
import socket
import sys
from pathlib import Path

import pytest

from bookstore_project.cluster import console as console_module
from bookstore_project.cluster import display, launch, lock, ports
from bookstore_project.cluster.backoff import Backoff
from bookstore_project.cluster.console import Console
from bookstore_project.cluster.logfiles import LogFile
from bookstore_project.cluster.process import read_pid, write_pid
from bookstore_project.settings import topology


def node(host: str = "127.0.0.1", port: int = 1, service: str = topology.CATALOG) -> topology.Node:
    return topology.Node("catalog-1", service, host, port, threads=1)


class TestBackoff:
    def test_first_death_costs_no_time_and_further_ones_more_and_more(self) -> None:
        backoff = Backoff()
        assert [backoff.delay_s(0.1) for _ in range(8)] == [0, 0.25, 0.5, 1, 2, 5, 5, 5]

    def test_a_long_life_makes_up_for_early_deaths(self) -> None:
        backoff = Backoff()
        for _ in range(4):
            backoff.delay_s(0.1)
        assert backoff.delay_s(60) == 0
        assert backoff.delay_s(0.1) == 0.25


class TestLogFile:
    def test_appends_lines_to_what_is_there(self, tmp_path: Path) -> None:
        for text in (b"one", b"two"):
            log = LogFile(tmp_path / "log" / "front.log")
            log.write(text)
            log.close()
        assert (tmp_path / "log" / "front.log").read_text() == "one\ntwo\n"

    def test_puts_a_full_file_aside_and_keeps_one(self, tmp_path: Path) -> None:
        log = LogFile(tmp_path / "front.log", largest_bytes=20)
        for number in range(7):
            log.write(b"line %d" % number)
        log.close()
        assert (tmp_path / "front.log").read_text() == "line 6\n"
        assert (tmp_path / "front.log.1").read_text() == "line 4\nline 5\n"
        assert len(list(tmp_path.iterdir())) == 2

    def test_a_log_that_cannot_be_written_raises_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "front.log").mkdir()
        log = LogFile(tmp_path / "front.log")
        log.write(b"lost")
        log.close()


class TestLock:
    def test_second_holder_is_refused_and_told_who_holds_it(self, tmp_path: Path) -> None:
        with (
            lock.exclusive(tmp_path / "run" / "lock"),
            pytest.raises(lock.HeldElsewhere) as refused,
            lock.exclusive(tmp_path / "run" / "lock"),
        ):
            pass
        assert refused.value.holder == str(os.getpid())

    def test_is_free_again_afterwards(self, tmp_path: Path) -> None:
        for _ in range(2):
            with lock.exclusive(tmp_path / "lock"):
                pass

    def test_as_a_program_it_tells_by_its_exit_status(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert lock.main(tmp_path / "nowhere" / "lock") == 0
        assert not (tmp_path / "nowhere").exists()
        with lock.exclusive(tmp_path / "lock"):
            assert lock.main(tmp_path / "lock") == 1
        assert "The store is running" in capsys.readouterr().err
        assert lock.main(tmp_path / "lock") == 0


class TestPorts:
    def test_free_address_is_no_complaint(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        assert ports.await_free([node(port=port)], is_ours=lambda pid: False) == []

    @pytest.mark.skipif(not ports.PROC.exists(), reason="no /proc: the owner can't be known")
    @pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0")])
    def test_busy_address_is_named_with_its_owner(self, family: int, host: str) -> None:
        with socket.socket(family) as listener:
            listener.bind((host, 0))
            listener.listen()
            port = listener.getsockname()[1]
            (busy,) = ports.await_free([node(port=port)], is_ours=lambda pid: False)
        assert busy.owner is not None
        assert busy.owner.pid == os.getpid()
        assert str(busy).startswith(f"catalog-1 can't listen on 127.0.0.1:{port}: address already in use, held by")
        assert Path(sys.executable).name in str(busy)

    def test_listener_on_another_address_is_no_owner(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            assert ports.find_owner("127.0.0.9", listener.getsockname()[1]) is None

    def test_own_process_that_is_leaving_is_waited_for(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]

            def is_ours(pid: int) -> bool:
                listener.close()  # It leaves while we look.
                return True

            assert ports.await_free([node(port=port)], is_ours=is_ours) == []

    def test_address_of_another_machine_is_named(self) -> None:
        (busy,) = ports.await_free([node(host="192.0.2.1", port=8001)], is_ours=lambda pid: False, timeout_s=0)
        assert "192.0.2.1:8001: cannot assign requested address" in str(busy)


class TestPidFile:
    def test_holds_the_pid_of_its_writer(self, tmp_path: Path) -> None:
        path = tmp_path / "run" / "front.pid"
        write_pid(path)
        assert read_pid(path) == os.getpid()
        assert [entry.name for entry in path.parent.iterdir()] == ["front.pid"]

    @pytest.mark.parametrize("content", ["", "x\n"])
    def test_nonsense_is_no_pid(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "front.pid").write_text(content)
        assert read_pid(tmp_path / "front.pid") is None
        assert read_pid(tmp_path / "missing.pid") is None


class TestDisplay:
    @pytest.mark.parametrize(
        "line",
        [
            "21:04:11.123 GET /product/2 200 catalog-1 4.1 ms  [0123]",
            "21:04:11.123 POST /api/v1/orders/ 503 order-1 4.1 ms",
            '{"at": "x", "level": "info", "node": "catalog-1", "logger": "bookstore.request", "message": "x"}',
        ],
    )
    def test_requests_are_shown_where_customers_arrive(self, line: str) -> None:
        assert display.is_shown(node(service=topology.FRONT), line)
        assert not display.is_shown(node(service=topology.CATALOG), line)

    @pytest.mark.parametrize(
        "line",
        [
            "21:04:11.123 warning: catalog-2 is out of sync",
            "Traceback (most recent call last):",
            '  File "/x.py", line 3, in f',
            '{"level": "error", "logger": "bookstore.replication", "message": "x"}',
        ],
    )
    def test_unusual_lines_are_shown_whoever_says_them(self, line: str) -> None:
        assert display.is_shown(node(service=topology.CATALOG), line)

    @pytest.mark.parametrize(
        "line",
        [
            "21:04:11.123 GET /readyz 503 front 0.7 ms  [0123]",
            "21:04:11.123 POST /internal/push/ 200 front 0.2 ms (drops book:2 up to 17)  [0123]",
        ],
    )
    def test_what_machines_ask_all_the_time_is_shown_nowhere(self, line: str) -> None:
        assert not display.is_shown(node(service=topology.FRONT), line)
        assert not display.is_shown(node(service=topology.CATALOG), line)

    def test_endings_are_put_in_words(self) -> None:
        assert display.how_it_ended(-9) == "killed by SIGKILL"
        assert display.how_it_ended(128 + 11) == "its worker was killed by SIGSEGV"
        assert display.how_it_ended(3) == "exit status 3"

    def test_replica_without_an_address_of_its_own_is_pointed_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def replicas(service: str) -> list[topology.Node]:
            return [topology.Node(f"{service}-{n}", service, "127.0.0.1", 8001 + 10 * (n - 1), 1) for n in (1, 2)]

        monkeypatch.setattr(topology, "replicas", replicas)
        assert display.moved_nodes()[0] == (
            "catalog-2 listens on 127.0.0.1:8011: this machine has no other loopback address."
        )


class TestConsole:
    def test_writes_lines_in_order_and_plain_where_there_is_no_terminal(self) -> None:
        reading, writing = os.pipe()
        console = Console(writing)
        console.line(console.paint("one", "red"))
        console.line("two")
        console.close(5)
        os.close(writing)
        with os.fdopen(reading) as output:
            assert output.read() == "one\ntwo\n"

    def test_paints_when_wanted(self) -> None:
        console = Console(1, coloured=True)
        assert console.paint("dead", "red") == "\x1b[31mdead\x1b[0m"
        console.close()

    def test_no_color_is_honoured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "isatty", lambda descriptor: True)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert Console(1).paint("x", "bold") != "x"
        monkeypatch.setenv("NO_COLOR", "1")
        assert Console(1).paint("x", "bold") == "x"

    def test_reader_that_left_is_no_error(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        console = Console(writing)
        console.line("nobody hears this")
        console.close(5)
        os.close(writing)


def test_a_front_lets_in_more_connections_than_one_sender_of_silence_makes() -> None:
    server = launch.build_server(topology.NODES["front"], "nowhere:application")
    assert min(server.backpressure, server.backlog) > 1100
    assert server.http1_settings is not None
    assert server.http1_settings.header_read_timeout <= 10_000


def test_descriptors_are_raised_to_what_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    try:
        assert launch.raise_descriptor_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 512
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_what_nodes_log_is_cut_on_the_console_and_ends_where_the_console_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_module, "ROUTINE_IN_FILE_BYTES", 2000)
    path = tmp_path / "console"
    with path.open("wb") as file:
        console = Console(file.fileno())
        for number in range(100):
            console.routine(f"front  {number} {'x' * 300}")
        console.routine("never seen")
        console.line("catalog-1 died")
        console.close(30)
    lines = path.read_text().splitlines()
    assert len(lines) < 10
    assert "further ones are in their own logs" in lines[-2]
    assert lines[-1] == "catalog-1 died"


def test_a_line_of_a_node_is_cut_on_the_console(tmp_path: Path) -> None:
    path = tmp_path / "console"
    with path.open("wb") as file:
        console = Console(file.fileno())
        console.routine("x" * 60_000)
        console.close(30)
    (line,) = path.read_text().splitlines()
    assert line.endswith("…[+59500]")
