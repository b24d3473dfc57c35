"""Who makes the store's secrets, who only reads them, and what holds for one that is gone or another."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from bookstore_project.api import idempotency
from bookstore_project.archive.backup import CannotBackUp
from bookstore_project.archive.backup import backup as back_up
from bookstore_project.cluster import preparation
from bookstore_project.replication.progress import silent
from bookstore_project.settings import secret_files, topology
from bookstore_project.settings.secret_files import SECRETS, Unusable
from tests import loaded

NAMES = ["secret-key", "service-token"]
PLACES = [alias for service in topology.SERVICES for alias in topology.database_aliases(service)]


def run(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BOOKSTORE_")},
        "BOOKSTORE_DATA": str(data),
        "DJANGO_SETTINGS_MODULE": "bookstore_project.settings.base",
        **variables,
    }
    return loaded.run(arguments, environment)


def load_settings(data: Path, node: str) -> subprocess.CompletedProcess[str]:
    code = "from django.conf import settings; print(settings.SERVICE_TOKEN)"
    return run(data, "-c", code, BOOKSTORE_NODE=node)


# -------------------------------------------------------------------------------------------- as processes


@pytest.mark.parametrize("node", ["front", "order-2"])
@pytest.mark.processes
def test_a_node_without_secrets_refuses_to_start_and_says_what_to_do(tmp_path: Path, node: str) -> None:
    refused = load_settings(tmp_path / "var", node)
    assert refused.returncode != 0
    assert "manage.py prepare" in refused.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.processes
def test_a_command_makes_none_and_one_that_needs_none_goes_on(tmp_path: Path) -> None:
    told = run(tmp_path, "manage.py", "replication", "status", "--json")
    assert "Traceback" not in told.stderr
    assert json.loads(told.stdout)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    refused = run(tmp_path, "manage.py", "runserver", BOOKSTORE_NODE="catalog-1")
    assert "manage.py prepare" in refused.stderr
    assert "Traceback" not in refused.stderr


# ------------------------------------------------------------------------------------- in this process's store


@pytest.fixture
def kept(seven_books: Path) -> Path:
    """The folder of a store with data, whose secrets are put back afterwards."""
    return seven_books


@pytest.fixture(autouse=True)
def _put_back() -> object:
    contents = {secret.path: secret.path.read_bytes() for secret in SECRETS}
    key = settings.SECRET_KEY
    yield
    for path, content in contents.items():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    settings.SECRET_KEY = key
    secret_files.remember()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _half_of_it(path: Path) -> None:
    text = path.read_text()
    path.write_text(text[: len(text) // 2 + 4])


GONE_WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "removed": (lambda path: path.unlink(), "is missing, and this store's data was made with it"),
    "a link to nowhere": (_link_to_nowhere, "is missing, and this store's data was made with it"),
    "emptied": (lambda path: path.write_text(""), "holds no secret of at least 32"),
    "a few letters": (lambda path: path.write_text("short\n"), "holds no secret of at least 32"),
    "no text": (lambda path: path.write_bytes(b"\xff" * 64), "can't be read: it is no text"),
    "half of it": (_half_of_it, "holds another secret"),
    "another one": (lambda path: path.write_text("another" * 10), "holds another secret"),
    "a folder": (_folder, "can't be read"),
    "a pipe": (_pipe, "can't be read: it is no plain file"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", GONE_WRONG)
def test_with_data_there_a_secret_that_went_wrong_is_an_error_that_says_the_way_back(
    kept: Path, way: str, name: str
) -> None:
    (secret,) = (each for each in SECRETS if each.name == name)
    break_it, complaint = GONE_WRONG[way]
    break_it(secret.path)
    for is_node in (True, False):
        with pytest.raises(Unusable, match=complaint) as caught:
            secret_files.read(secret, is_node=is_node)
        assert f"BOOKSTORE_{name.replace('-', '_').upper()}_FILE" in str(caught.value)
        assert f"manage.py secrets renew {name}" in str(caught.value)
    with pytest.raises(CommandError, match=complaint):
        preparation.ensure_secrets()
    told = StringIO()
    with pytest.raises(CommandError, match="secret"):
        call_command("audit", stdout=told)
    assert str(secret.path) in told.getvalue()


def test_a_command_without_the_key_is_told_why_when_it_needs_it(kept: Path) -> None:
    secret_files.SECRET_KEY.path.unlink()
    settings.SECRET_KEY = secret_files.setting(secret_files.SECRET_KEY)
    with pytest.raises(ImproperlyConfigured, match="is missing, and this store's data was made with it"):
        idempotency.order_id("a key of sixteen")
    assert not secret_files.SECRET_KEY.path.exists()


def test_nothing_is_backed_up_without_the_key(kept: Path, tmp_path: Path) -> None:
    secret_files.SECRET_KEY.path.write_text("another" * 10)
    with pytest.raises(CannotBackUp, match="holds another secret"):
        back_up(tmp_path / "b", lambda text: None, silent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", [1, 3])
def test_copies_of_the_fingerprint_that_are_lost_or_foreign_come_back(kept: Path, lost: int) -> None:
    for alias in PLACES[:lost]:
        (topology.DATA / alias / "secrets.json").unlink()
    if lost == 1:
        (topology.DATA / PLACES[1] / "secrets.json").write_text('{"secret-key": "of another store"}')
    assert secret_files.problems() == []
    preparation.ensure_secrets()
    said = {(topology.DATA / alias / "secrets.json").read_text() for alias in PLACES}
    assert len(said) == 1


def test_without_fingerprints_data_still_keeps_a_new_secret_from_being_made(kept: Path) -> None:
    for alias in PLACES:
        (topology.DATA / alias / "secrets.json").unlink()
    with pytest.raises(Unusable, match=r"run `manage.py prepare` first"):
        secret_files.read(secret_files.SECRET_KEY, is_node=True)
    secret_files.SECRET_KEY.path.unlink()
    with pytest.raises(CommandError, match="is missing"):
        preparation.ensure_secrets()
    assert not secret_files.SECRET_KEY.path.exists()


def test_before_there_is_data_they_are_made_once_and_are_their_owners_alone(empty_store: Path) -> None:
    for path in (*(secret.path for secret in SECRETS), *(topology.DATA / alias / "secrets.json" for alias in PLACES)):
        path.unlink()
    preparation.ensure_secrets()
    made = [secret.path.read_text() for secret in SECRETS]
    preparation.ensure_secrets()
    assert [secret.path.read_text() for secret in SECRETS] == made
    assert {secret.path.stat().st_mode & 0o777 for secret in SECRETS} == {0o600}
    assert secret_files.problems() == []
    assert made[0].strip() == settings.SECRET_KEY


def test_cut_short_between_the_two_the_next_preparation_makes_the_other(empty_store: Path) -> None:
    for path in (*(secret.path for secret in SECRETS), *(topology.DATA / alias / "secrets.json" for alias in PLACES)):
        path.unlink()
    secret_files.make(secret_files.SECRET_KEY)
    first = secret_files.SECRET_KEY.path.read_text()
    preparation.ensure_secrets()
    assert secret_files.SECRET_KEY.path.read_text() == first
    assert secret_files.problems() == []


# ------------------------------------------------------------------------------------------ an operator's ways


def secrets(*arguments: str) -> str:
    told = StringIO()
    call_command("secrets", *arguments, "--yes", stdout=told)
    return told.getvalue()


def test_an_operator_renews_a_lost_key_and_is_told_what_that_costs(kept: Path) -> None:
    before = secret_files.SECRET_KEY.path.read_text()
    secret_files.SECRET_KEY.path.unlink()
    with pytest.raises(CommandError, match="Not every secret can be used"):
        secrets("status")
    assert "is bought again" in secrets("renew", "secret-key")
    assert secret_files.SECRET_KEY.path.read_text() != before
    assert "are those" in secrets("status")


def test_renewing_keeps_the_former_one_aside(kept: Path) -> None:
    before = secret_files.SERVICE_TOKEN.path.read_text()
    secrets("renew", "service-token")
    assert before in [path.read_text() for path in (topology.DATA / "aside").glob("*service-token*")]
    assert secret_files.SERVICE_TOKEN.path.read_text() != before
    assert secret_files.problems() == []


def test_an_operator_accepts_the_key_that_is_there(kept: Path) -> None:
    secret_files.SECRET_KEY.path.write_text("another" * 10)
    secret_files.SERVICE_TOKEN.path.unlink()
    secrets("accept", "secret-key")
    assert [problem for problem in secret_files.problems() if "secret-key" in problem] == []
    assert "service-token is missing" in " ".join(secret_files.problems()), "that one was never in question"
