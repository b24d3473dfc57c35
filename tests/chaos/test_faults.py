"""Faults are chosen by name or group."""

import pytest

from tests.chaos.faults import chosen
from tests.chaos.run import ALL


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
