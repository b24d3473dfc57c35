from dataclasses import replace
from pathlib import Path

import pytest

from deploy.hosts import steps
from deploy.hosts.cluster import Cluster, Refused
from deploy.hosts.parts import Part, Places, unit
from deploy.hosts.rendering import render
from deploy.hosts.secret_bundle import Bundle
from deploy.hosts.setting import Setting
from deploy.hosts.steps import Command, Present, Step, Writing

REQUIREMENTS = "patroni\n"


def after(done: list[Step], parts: tuple[Part, ...]) -> Present:
    """What is there once these steps were done."""
    return Present(
        texts={step.path: step.text for step in done if isinstance(step, Writing)},
        packages=frozenset(name for part in parts for name in part.packages),
        users=frozenset({"bookstore"}),
        running=frozenset(part.name for part in parts if part.command),
    )


def commands(decided: list[Step]) -> list[str]:
    return [" ".join(step.arguments) for step in decided if isinstance(step, Command)]


def test_a_bare_host_gets_packages_files_and_units_in_this_order(parts: tuple[Part, ...], places: Places) -> None:
    decided = steps.of_host(parts, places, Present(), REQUIREMENTS)
    said = commands(decided)
    assert said[1].startswith("apt-get install")
    assert all(name in said[1] for name in ("etcd-server", "haproxy", "postgresql-15", "redis-server"))
    assert said[-16:][::2] == [f"systemctl enable --quiet {part.unit}" for part in parts if part.command]
    assert said[-16:][1::2] == [f"systemctl start {part.unit}" for part in parts if part.command]
    no_cluster = next(step for step in decided if isinstance(step, Writing) and step.path == steps.NO_CLUSTER)
    assert decided.index(no_cluster) < decided.index(next(s for s in decided if "install" in str(s)))


def test_what_debian_would_start_by_itself_is_stopped(parts: tuple[Part, ...], places: Places) -> None:
    said = commands(steps.of_host(parts, places, Present(), REQUIREMENTS))
    masked = next(command for command in said if command.startswith("systemctl mask --now"))
    assert "redis-server.service" in masked
    assert "postgresql.service" in masked


def test_only_units_of_packages_that_are_there_are_stopped(cluster: Cluster, bundle: Bundle, places: Places) -> None:
    """systemd can't stop what it doesn't know."""
    third = render(Setting(cluster.host(3), cluster, bundle, places, memory_mb=512))
    said = commands(steps.of_host(third, places, Present(), REQUIREMENTS))
    assert "systemctl mask --now etcd.service redis-server.service" in said


def test_a_second_call_does_nothing(parts: tuple[Part, ...], places: Places) -> None:
    first = steps.of_host(parts, places, Present(), REQUIREMENTS)
    again = steps.of_host(parts, places, after(first, parts), REQUIREMENTS)
    assert [step for step in again if isinstance(step, Writing)] == []
    assert commands(again) == [f"systemctl enable --quiet {part.unit}" for part in parts if part.command]


def test_only_what_has_changed_is_started_again(parts: tuple[Part, ...], places: Places) -> None:
    present = after(steps.of_host(parts, places, Present(), REQUIREMENTS), parts)
    texts = {path: text for path, text in present.texts.items() if path.name != "haproxy.cfg"}
    again = steps.of_host(parts, places, Present(texts, present.packages, present.users, running=present.running), "")
    assert "systemctl restart bookstore-haproxy.service" in commands(again)
    assert not [command for command in commands(again) if command.startswith("systemctl restart bookstore-etcd")]


def test_patroni_reads_its_files_again_without_a_stop(parts: tuple[Part, ...], places: Places) -> None:
    present = after(steps.of_host(parts, places, Present(), REQUIREMENTS), parts)
    texts = {path: text for path, text in present.texts.items() if path.name != "patroni.yml"}
    again = steps.of_host(parts, places, Present(texts, present.packages, present.users, running=present.running), "")
    assert "systemctl reload bookstore-patroni.service" in commands(again)
    assert "systemctl restart bookstore-patroni.service" not in commands(again)


def test_what_a_program_has_rewritten_is_left_to_it(parts: tuple[Part, ...], places: Places) -> None:
    """Sentinel writes into its own configuration whom it follows."""
    present = after(steps.of_host(parts, places, Present(), REQUIREMENTS), parts)
    sentinel = next(part for part in parts if part.name == "sentinel")
    rewritten = {**present.texts, sentinel.folder / "sentinel.conf": "something of its own"}
    assert steps.files(sentinel, Present(rewritten)) == []


def test_secrets_are_for_the_user_of_their_part_alone(parts: tuple[Part, ...], places: Places) -> None:
    decided = steps.of_host(parts, places, Present(), REQUIREMENTS)
    own = [step for step in decided if isinstance(step, Writing) and places.configuration in step.path.parents]
    assert {step.mode for step in own} == {0o600}
    users = {part.folder: part.user for part in parts}
    assert all(step.user == users[step.path.parent] for step in own)


def test_a_checkout_that_others_cannot_enter_is_refused() -> None:
    modes = {Path("/home/me/bookstore"): 0o755, Path("/home/me"): 0o700, Path("/home"): 0o755}
    with pytest.raises(Refused, match="can't enter /home/me"):
        steps.require_way_in(Path("/home/me/bookstore"), modes)


def test_the_store_and_its_unit_are_of_the_same_checkout(parts: tuple[Part, ...], places: Places) -> None:
    store = next(part for part in parts if part.name == "store")
    assert store.command == (str(places.python), str(places.checkout / "manage.py"), "cluster")
    assert "ExecStart=/opt/python manage.py\n" in unit(replace(store, command=("/opt/python", "manage.py")), places)
    spaced = Places(checkout=Path("/opt/a shop"))
    told = unit(replace(store, command=("/opt/a shop/python", "manage.py")), spaced)
    assert "Documentation=file:/opt/a%%20shop/docs/three-hosts.md" in told
    assert 'ExecStart="/opt/a shop/python" manage.py' in told
