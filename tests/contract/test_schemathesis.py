"""A bounded run of Schemathesis: what fits the schema is taken, the rest refused, and answers are as declared."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.fuzz.run import ANONYMOUS, FUZZING, STAFF, Extent, fuzz
from tests.store import Store


@pytest.fixture(scope="module")
def fuzzed_store(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Store]:
    """Books are added, changed and retired in it, replicas drained: nobody else's place."""
    with Store(tmp_path_factory.mktemp("fuzzed") / "var", prepared=prepared) as store:
        yield store


@pytest.mark.parametrize("who", [ANONYMOUS, STAFF])
def test_schema_and_validation_agree(fuzzed_store: Store, who: str) -> None:
    found = fuzz(fuzzed_store, "front", who, Extent(5, phases=(FUZZING,)))
    assert found.returncode == 0, found.stdout
    assert " generated" in found.stdout
    for service in databases.SERVICES:
        databases.dump_both(fuzzed_store, service)
    audit = fuzzed_store.manage("audit")
    assert audit.returncode == 0, audit.stdout
