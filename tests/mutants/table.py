"""All mutants. CONTRIBUTING.md says when one is to be added."""

from tests.mutants import caching, files, reading, selling, writing
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *writing.MUTANTS,
    *reading.MUTANTS,
    *files.MUTANTS,
    *caching.MUTANTS,
    *selling.MUTANTS,
)
