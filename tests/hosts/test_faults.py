"""Which faults a run of three hosts may be asked for."""

from typing import Any

import pytest

from tests.hosts import faults
from tests.hosts.__main__ import judged, parser


def test_each_fault_has_a_name_of_its_own_and_is_had_by_it() -> None:
    names = [fault.name for fault in faults.ALL]
    assert len(set(names)) == len(names)
    assert [faults.chosen(name) for name in names] == [(fault,) for fault in faults.ALL]
    assert faults.chosen("all") == faults.ALL


def test_those_of_each_run_are_the_usual_ones() -> None:
    assert parser().parse_args([]).faults == faults.USUAL
    assert [fault.name for fault in parser().parse_args(["--faults", "quorum,mute"]).faults] == ["quorum", "mute"]


def test_a_name_that_no_fault_has_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--faults", "mute,plague"])
    told = capsys.readouterr().err
    assert "no fault is called plague: killed, cut-off, " in told


def test_a_host_a_process_and_a_standby_may_cost_as_long_as_each_of_them_is_told_to() -> None:
    limits = {fault.name: fault.back_s for fault in faults.ALL}
    assert {limits[name] for name in ("killed", "cut-off", "mute", "deaf", "no-etcd", "stopped")} == {25.0}
    assert {limits[name] for name in ("patroni", "postmaster", "redis", "redis-stopped")} == {5.0}
    assert {limits[name] for name in ("standby", "standby-gone", "rebuilt", "full-standby", "front")} == {1.0}


class SlowAndWrong:
    def violations(self) -> list[str]:
        return ["lost"]

    def too_long(self) -> list[str]:
        return ["longer than 25 s: killed"]


def test_time_counts_unless_the_machine_is_known_to_be_slow() -> None:
    report: Any = SlowAndWrong()
    assert judged(report, is_patient=parser().parse_args([]).patient) == ["lost", "longer than 25 s: killed"]
    assert judged(report, is_patient=parser().parse_args(["--patient"]).patient) == ["lost"]
