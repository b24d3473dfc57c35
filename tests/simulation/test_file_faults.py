"""A simulated store's files are struck as chaos strikes them, and what only that shows is found."""

import pytest

from tests.chaos.file_faults import FILE_FAULTS
from tests.simulation import __main__, file_faults
from tests.simulation.test_simulation import assert_found, told
from tests.simulation.warm import simulate


def test_each_of_chaos_s_faults_of_files_is_in_reach_or_named_as_out_of_it() -> None:
    assert {fault.name for fault in FILE_FAULTS} == {*file_faults.names(), *file_faults.OF_CHAOS_ALONE}
    assert set(__main__.OF_FILES) == set(file_faults.names())


@pytest.mark.processes
@pytest.mark.large
def test_pairs_of_faults_are_mended_by_the_operator_each_time_in_the_same_way() -> None:
    pairs = ("--seed", "2", "--operations", "60", "--faults", "pairs,kill", "--every", "200")
    first, second = simulate(*pairs), simulate(*pairs, hash_seed="1")
    assert first.returncode == second.returncode == 0, first.stdout + second.stdout + first.stderr + second.stderr
    assert told(first) == told(second)
    assert any(name in first.stdout for name in ("+file-", "+wal-", "+shm-")), "or no pair has struck"


@pytest.mark.processes
@pytest.mark.large
def test_a_replica_that_answers_from_a_file_that_is_out_is_found() -> None:
    """Without faults of files a replica's own file is never behind: then nobody misses the gate."""
    assert_found("no gate", "--operations", "100", "--every", "150", "--faults", "file-deleted,file-renamed")
