"""The kernel tells when a replica's process ends, at once."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bookstore_project.settings import topology
from frontend_app.picture.processes import Processes, open_process
from tests.asgi import run

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux alone has it")]
WAITING = [sys.executable, "-c", "import sys; sys.stdin.read()"]


@pytest.fixture
def pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(topology, "RUN_DIR", tmp_path)
    return topology.NODES["catalog-1"].pid_file


def test_a_killed_process_is_told_of_once(pid_file: Path) -> None:
    async def watch() -> None:
        ended: list[tuple[str, int]] = []
        processes = Processes(lambda name, pid: ended.append((name, pid)))
        with subprocess.Popen(WAITING, stdin=subprocess.PIPE) as child:
            pid_file.write_text(f"{child.pid}\n")
            processes.watch({"catalog-1": child.pid})
            child.kill()
            while not ended:
                await asyncio.sleep(0)
        for _ in range(3):
            processes.watch({"catalog-1": child.pid})
            await asyncio.sleep(0)
        assert ended == [("catalog-1", child.pid)]
        processes.close()

    run(watch)


def test_a_number_that_is_not_that_nodes_is_not_watched(pid_file: Path) -> None:
    pid_file.write_text("1\n")
    assert open_process("catalog-1", os.getpid()) is None
