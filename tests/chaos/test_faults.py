"""Faults are chosen by name or group; they miss what isn't there."""

import random
import signal
from pathlib import Path

import pytest

from tests.chaos.faults import Fault, Missed, Scene, chosen
from tests.chaos.run import ALL, ON_SERVERS
from tests.chaos.server_faults import SERVER_FAULTS
from tests.chaos.servers import Servers
from tests.postgres import Server
from tests.store import Store


def test_without_a_choice_all_faults_happen_but_those_on_demand() -> None:
    assert {fault.name for fault in ALL} - {fault.name for fault in chosen(ALL, "")} == {
        fault.name for fault in ALL if fault.is_on_demand
    }


def test_groups_and_names_are_chosen_together() -> None:
    names = {fault.name for fault in chosen(ALL, "stop, file-bits")}
    assert names == {"stop-node", "stop-lock-holder", "file-bits"}


def test_each_fault_on_demand_is_had_by_its_name() -> None:
    for fault in ALL:
        assert chosen(ALL, fault.name) == [fault]


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"No such fault: nonsense. There are: .*file-half"):
        chosen(ALL, "file-half,nonsense")


@pytest.mark.parametrize("fault", SERVER_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_a_server_that_is_down_is_taken_back_later_or_is_missed(fault: Fault, tmp_path: Path) -> None:
    """The fault before it may not have been taken back."""
    down = Servers(Server(tmp_path), Server(tmp_path, 5433))
    scene = Scene(Store(tmp_path), random.Random(1), tmp_path, servers=down)
    for target in fault.targets:
        try:
            assert fault.do(scene, target) is not None
        except Missed:
            continue


class Noted(Store):
    """Isn't there: what it would do is written down."""

    def __init__(self, data: Path, did: list[str]) -> None:
        super().__init__(data)
        self._did = did

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 0) -> int:
        self._did.append("stop")
        return 0

    def start(self) -> None:
        self._did.append("start")

    def wait_ready(self, *nodes: str, timeout_s: float = 0) -> None:
        pass


class Whole(Servers):
    def is_whole(self) -> bool:
        return True


def test_a_store_is_started_again_when_its_servers_are_there(tmp_path: Path) -> None:
    did = list[str]()
    both = Whole(Server(tmp_path), Server(tmp_path, 5433))
    scene = Scene(Noted(tmp_path, did), random.Random(1), tmp_path, servers=both)
    scene.undo.append(lambda: did.append("undo"))
    (kill_supervisor,) = chosen(ON_SERVERS, "kill-supervisor")
    kill_supervisor.do(scene, "supervisor")
    assert did == ["stop", "undo", "start"]
