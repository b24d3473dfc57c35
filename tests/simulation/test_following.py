"""A run of the store is a run of the model, or is refused."""

from tests.simulation.following import Following

WRITE = (
    "begun",
    "made",
    "before-commit",
    "committed-catalog-1",
    "committed-catalog-2",
    "committed",
    "invalidated",
    "floor",
)
SETTLE = ("settle-rolled", "committed-catalog-1", "committed-catalog-2", "settle-committed", "settle-invalidated")


def told(*heard: tuple[str, int, str]) -> list[str]:
    following = Following()
    for node, actor, name in heard:
        if name == "killed":
            following.note(0, f"kill {node}")
        else:
            following.hear(node, actor, name)
    return [one.what for one in following.found]


def by(node: str, *names: str) -> list[tuple[str, int, str]]:
    return [(node, 3, name) for name in names]


def test_writes_one_after_the_other_are_a_run_of_the_model() -> None:
    assert told(*by("catalog-1", *WRITE), *by("catalog-2", *WRITE), *by("catalog-2", *WRITE)) == []


def test_a_change_that_was_refused_leaves_nothing() -> None:
    assert told(*by("catalog-1", "begun"), *by("catalog-2", *WRITE)) == []


def test_what_a_dead_writer_left_is_settled_first() -> None:
    cut_short = (*by("catalog-1", *WRITE[:4]), ("catalog-1", 0, "killed"))
    assert told(*cut_short, *by("catalog-2", *SETTLE, *WRITE)) == []
    assert told(*cut_short, *by("catalog-2", "before-commit")) == [
        "no run of the model: catalog-2 comes to `before-commit`: catalog-2 writes without the lock"
    ]


def test_killed_after_the_commits_a_writer_leaves_a_floor_or_none() -> None:
    cut_short = (*by("catalog-1", *WRITE[:-1]), ("catalog-1", 0, "killed"))
    assert told(*cut_short, *by("catalog-2", *WRITE)) == []
    assert told(*cut_short, *by("catalog-2", *SETTLE, *WRITE)) == []


def test_a_half_write_that_nobody_settles_is_refused() -> None:
    cut_short = (*by("catalog-1", *WRITE[:4]), ("catalog-1", 0, "killed"))
    assert told(*cut_short, *by("catalog-2", *WRITE)) == [
        "no run of the model: catalog-2 comes to `begun`: the model can't make it"
    ]


def test_two_writers_at_once_are_refused() -> None:
    assert told(*by("catalog-1", *WRITE[:4]), *by("catalog-2", "begun")) == [
        "no run of the model: catalog-2 comes to `begun`: the model can't make it"
    ]


def test_a_floor_before_the_commits_and_one_before_the_fronts_are_told_are_refused() -> None:
    for names in (("begun", "before-commit", "floor"), (*WRITE[:6], "floor")):
        assert told(*by("catalog-1", *names)) == [
            "no run of the model: catalog-1 comes to `floor`: the model can't make it"
        ]


def test_a_commit_on_one_file_alone_is_refused() -> None:
    names = ("begun", "before-commit", "committed-catalog-1", "committed")
    assert len(told(*by("catalog-1", *names))) == 1


def test_services_are_followed_by_themselves() -> None:
    orders = tuple(name.replace("catalog", "order") for name in WRITE)
    mixed = [one for pair in zip(by("catalog-1", *WRITE), by("order-1", *orders), strict=True) for one in pair]
    assert told(*mixed) == []
