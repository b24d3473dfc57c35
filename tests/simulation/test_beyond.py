"""Each fault that chaos makes is one of the simulation's, too, or docs/simulation.md says that it isn't, and why."""

import re

from tests.chaos.coordination_faults import COORDINATION_FAULTS
from tests.chaos.file_faults import FILE_FAULTS, LONG_FAULTS
from tests.chaos.process_faults import KILL_AT_POINT, KILL_DIRECT, KILL_NODE, PROCESS_FAULTS
from tests.chaos.server_faults import SERVER_FAULTS
from tests.docs.pages import DOCS
from tests.simulation.file_faults import OF_CHAOS_ALONE

SIMULATED = {KILL_NODE, KILL_AT_POINT, "stop-node", "stop-lock-holder"}
"""As `kill` and `stop`, which come wherever a node's actors are; faults of files have the same names."""
TITLE = "## Faults that only chaos makes"


def test_each_fault_of_chaos_is_simulated_or_named() -> None:
    tables = (*COORDINATION_FAULTS, *PROCESS_FAULTS, *FILE_FAULTS, *LONG_FAULTS, *SERVER_FAULTS)
    every = {fault.name for fault in tables} | {KILL_NODE, KILL_DIRECT, KILL_AT_POINT}
    simulated = SIMULATED | ({fault.name for fault in FILE_FAULTS} - OF_CHAOS_ALONE)
    section = (DOCS / "simulation.md").read_text().partition(f"{TITLE}\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z-]+)`", section))
    assert every - simulated <= named
    assert not named & simulated, "named, though the simulation has it"
