"""The management commands that a newcomer meets first."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.management.commands import runserver as static_runserver
from django.core.management import CommandError, call_command
from rest_framework.authtoken.models import Token

from bookstore_project.cluster import preparation
from bookstore_project.cluster.management.commands import dbshell, drain
from bookstore_project.settings import base, topology
from bookstore_project.settings.topology import Node

STAFF = preparation.STAFF


def silent(text: str) -> None:
    """What a step says is of no interest here."""


@pytest.fixture
def password_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "staff-password"
    monkeypatch.setattr(base, "STAFF_PASSWORD_FILE", path)
    monkeypatch.delenv("BOOKSTORE_STAFF_PASSWORD", raising=False)
    return path


def staff_password_is(password: str) -> bool:
    user = get_user_model().objects.get(username=STAFF)
    return user.is_staff and user.is_superuser and user.check_password(password)


@pytest.mark.django_db
class TestStaffAccount:
    def test_first_run_makes_it_with_a_password_that_only_its_owner_can_read(self, password_file: Path) -> None:
        preparation.ensure_staff(silent)
        assert len(password_file.read_text().strip()) >= 16
        assert password_file.stat().st_mode & 0o777 == 0o600
        assert staff_password_is(password_file.read_text().strip())

    def test_second_run_changes_and_says_nothing(self, password_file: Path) -> None:
        preparation.ensure_staff(silent)
        before = (password_file.read_text(), get_user_model().objects.get().password)
        said: list[str] = []
        preparation.ensure_staff(said.append)
        assert (password_file.read_text(), get_user_model().objects.get().password) == before
        assert said == []

    def test_killed_between_file_and_account_the_next_run_uses_the_file(self, password_file: Path) -> None:
        password_file.write_text("written-but-never-set\n")
        preparation.ensure_staff(silent)
        assert staff_password_is("written-but-never-set")

    def test_environment_wins_over_what_was_stored(
        self, password_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        preparation.ensure_staff(silent)
        monkeypatch.setenv("BOOKSTORE_STAFF_PASSWORD", "from the environment")
        preparation.ensure_staff(silent)
        assert staff_password_is("from the environment")
        assert password_file.read_text() == "from the environment\n"

    def test_killed_between_account_and_file_the_next_run_finishes(
        self, password_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BOOKSTORE_STAFF_PASSWORD", "from the environment")
        with monkeypatch.context() as killed:
            killed.setattr(preparation, "_store_password", lambda password: pytest.fail("killed here"))
            with pytest.raises(pytest.fail.Exception):
                preparation.ensure_staff(silent)
        preparation.ensure_staff(silent)
        assert staff_password_is("from the environment")
        assert password_file.read_text() == "from the environment\n"

    def test_password_changed_by_hand_is_left_alone(self, password_file: Path) -> None:
        preparation.ensure_staff(silent)
        user = get_user_model().objects.get()
        user.set_password("chosen by hand")
        user.save()
        preparation.ensure_staff(silent)
        assert staff_password_is("chosen by hand")


@pytest.mark.django_db
class TestToken:
    def test_prints_the_same_token_each_time(self) -> None:
        user = get_user_model().objects.create_user("ada")
        outputs = [StringIO(), StringIO()]
        for output in outputs:
            call_command("token", "ada", stdout=output)
        assert {output.getvalue().strip() for output in outputs} == {Token.objects.get(user=user).key}

    def test_unknown_user_is_an_error_that_names_the_known_ones(self) -> None:
        get_user_model().objects.create_user("ada")
        with pytest.raises(CommandError, match=r"No user 'eve'. There are: ada. .*createsuperuser"):
            call_command("token", "eve")


class TestRunserver:
    @pytest.fixture
    def served(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Where Django's own command would listen."""
        addresses: list[str] = []

        def run(command: Any, **options: Any) -> None:
            addresses.append(f"{command.addr}:{command.port}")

        monkeypatch.setattr(static_runserver.Command, "run", run)
        return addresses

    def test_without_a_node_it_says_which_there_are_and_how_to_choose(
        self, served: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(topology, "NODE", None)
        with pytest.raises(CommandError) as refused:
            call_command("runserver")
        for words in [*topology.NODES, "BOOKSTORE_NODE=", "--node "]:
            assert words in str(refused.value)
        assert served == []

    @pytest.mark.parametrize(
        ("arguments", "address"),
        [([], "127.0.0.2:8001"), (["9000"], "127.0.0.2:9000"), (["127.0.0.1:9000"], "127.0.0.1:9000")],
    )
    def test_listens_on_the_nodes_address_unless_told_otherwise(
        self, served: list[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], address: str
    ) -> None:
        monkeypatch.setattr(topology, "NODE", topology.Node("catalog-2", "catalog", "127.0.0.2", 8001, 1))
        call_command("runserver", *arguments)
        assert served == [address]


class TestDbshell:
    def test_opens_the_nodes_own_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("catalog-2", "order-1"):
            monkeypatch.setattr(topology, "NODE", topology.NODES[name])
            assert dbshell.default_alias() == name

    @pytest.mark.parametrize("name", ["", "front"])
    def test_opens_the_accounts_where_there_is_none(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setattr(topology, "NODE", topology.NODES.get(name))
        assert dbshell.default_alias() == topology.ACCOUNTS


@pytest.mark.processes
def test_launcher_without_a_node_says_which_there_are() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "bookstore_project.cluster.launch"],
        env={name: value for name, value in os.environ.items() if name != "BOOKSTORE_NODE"},
        cwd=topology.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "catalog-2" in answer.stderr


class TestDrain:
    @pytest.fixture(autouse=True)
    def marks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(topology, "DRAINED_DIR", tmp_path / "drained")
        return tmp_path / "drained"

    def run(self, *arguments: str) -> str:
        said = StringIO()
        call_command(*arguments, stdout=said)
        return said.getvalue()

    def test_without_a_store_that_runs_only_by_force(self, marks: Path) -> None:
        with pytest.raises(CommandError, match=r"No catalog replica answers: is the store running\? Nothing"):
            self.run("drain", "catalog-1")
        assert "catalog-1 is drained" in self.run("drain", "catalog-1", "--force")
        assert (marks / "catalog-1").exists()
        assert "takes its turns again" in self.run("undrain", "catalog-1")
        assert "wasn't drained" in self.run("undrain", "catalog-1")
        assert not (marks / "catalog-1").exists()

    def test_the_last_replica_that_answers_only_by_force(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drain, "is_answering", lambda node: node.name == "catalog-1")
        with pytest.raises(CommandError, match="catalog-1 is the last"):
            self.run("drain", "catalog-1")
        assert "catalog-2 is drained" in self.run("drain", "catalog-2")

    @pytest.mark.parametrize("name", ["front-9", "catalog-9", "../front"])
    @pytest.mark.parametrize("command", ["drain", "undrain"])
    def test_what_is_no_node_is_named_with_what_would_be(self, command: str, name: str) -> None:
        with pytest.raises(CommandError, match="There are front, catalog-1, catalog-2, order-1, order-2"):
            self.run(command, name)

    def test_all_nodes_of_a_host_are_drained_at_once_and_its_front_first(
        self, marks: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fronts = [Node(f"front-{number}", topology.FRONT, f"10.0.0.{number}", 8000, 1) for number in (1, 2)]
        catalog, order = (topology.replicas(service)[1] for service in topology.SERVICES)
        nodes = {node.name: node for node in (*fronts, *topology.NODES.values()) if node.name != "front"}
        monkeypatch.setattr(topology, "NODES", nodes)
        monkeypatch.setattr(topology, "nodes_of_this_host", lambda: [catalog, order, fronts[1]])
        monkeypatch.setattr(drain, "is_answering", lambda node: True)
        said = self.run("drain", "--this-host").splitlines()
        assert [line.split(" is drained")[0] for line in said] == ["front-2", catalog.name, order.name]
        assert {mark.name for mark in marks.iterdir()} == {"front-2", catalog.name, order.name}
        assert self.run("undrain", "--this-host").count("takes its turns again") == 3
        assert list(marks.iterdir()) == []

    @pytest.mark.parametrize("asked", [(), ("catalog-1", "--this-host")])
    def test_nobody_and_two_answers_to_whom_are_refused(self, asked: tuple[str, ...]) -> None:
        with pytest.raises(CommandError, match="Name a node, or say --this-host"):
            self.run("undrain", *asked)
