"""Faults are chosen by name or group; they miss what isn't there."""

import random
from pathlib import Path

import pytest

from tests.chaos.faults import Fault, Missed, Scene, chosen
from tests.chaos.run import ALL
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
