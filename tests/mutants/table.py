"""All mutants. CONTRIBUTING.md says when one is to be added."""

from tests.mutants import (
    balancing,
    caching,
    cancelling,
    counting,
    files,
    grouping,
    guarding,
    on_a_server,
    reading,
    schedules,
    searching,
    selling,
    sharing,
    shopping,
    upkeep,
    writing,
)
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *writing.MUTANTS,
    *grouping.MUTANTS,
    *reading.MUTANTS,
    *files.MUTANTS,
    *upkeep.MUTANTS,
    *caching.MUTANTS,
    *sharing.MUTANTS,
    *schedules.MUTANTS,
    *searching.MUTANTS,
    *counting.MUTANTS,
    *selling.MUTANTS,
    *cancelling.MUTANTS,
    *shopping.MUTANTS,
    *balancing.MUTANTS,
    *guarding.MUTANTS,
    *on_a_server.MUTANTS,
)
