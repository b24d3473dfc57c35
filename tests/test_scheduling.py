"""Who of a run's processes gets which test, and how little that takes."""

from types import SimpleNamespace
from typing import Any

from conftest import Numbered, OneModuleTogether, begun_elsewhere

WHOLE = "tests/cluster/test_shop.py"
TESTS = [f"{WHOLE}::test_first", f"{WHOLE}::test_second", *(f"order_app/test_it.py::test_it[{n}]" for n in range(4))]


class Process:
    """One that runs tests, as the scheduler sees it."""

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="gw0", spec="")
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, numbers: list[int]) -> None:
        self.given += numbers

    def shutdown(self) -> None:
        self.shutting_down = True


def scheduler(process: Process, tests: list[str] = TESTS) -> Any:
    config: Any = SimpleNamespace(getvalue=lambda name: ["popen"], option=SimpleNamespace(loadscopereorder=False))
    made = OneModuleTogether(config, None)
    made.add_node(process)
    made.add_node_collection(process, tests)
    return made


def test_a_module_of_a_whole_store_goes_to_one_process_and_what_is_done_is_forgotten() -> None:
    process = Process()
    made = scheduler(process)
    made.schedule()
    assert process.given[:2] == [0, 1], "all of the module at once"
    for done in range(len(TESTS)):
        made.mark_test_complete(process, done)
        assert all(not all(unit.values()) for unit in made.assigned_work[process].values()), "or it is counted again"
    assert process.given == [*range(len(TESTS))]
    assert made.tests_finished
    assert process.shutting_down


def test_all_that_is_simulated_goes_to_one_process() -> None:
    process, simulated = Process(), [f"tests/simulation/test_{module}.py::test_it" for module in "abcd"]
    scheduler(process, [*simulated, *TESTS]).schedule()
    assert process.given[: len(simulated)] == [0, 1, 2, 3]


def test_a_list_knows_where_each_of_its_items_is() -> None:
    assert [Numbered(TESTS).index(test) for test in TESTS] == [*range(len(TESTS))]


def test_each_process_begins_to_load_tests_elsewhere_and_loads_all() -> None:
    places = ["deploy", "catalog_app", "tests"]
    orders = [begun_elsewhere(places, number) for number in range(4)]
    assert [order[0] for order in orders] == ["deploy", "tests", "catalog_app", "deploy"]
    assert all(sorted(order) == sorted(places) for order in orders)
    assert begun_elsewhere([], 1) == []
