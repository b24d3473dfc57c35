"""Who makes the store's secrets, and who only reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from bookstore_project.settings import environment, topology

NAMES = ["secret-key", "service-token"]


def load_settings(data: Path, node: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from django.conf import settings; print(settings.SERVICE_TOKEN)"],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("BOOKSTORE_")},
            "BOOKSTORE_NODE": node,
            "BOOKSTORE_DATA": str(data),
            "DJANGO_SETTINGS_MODULE": "bookstore_project.settings.base",
        },
        cwd=topology.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("node", ["front", "order-2"])
def test_a_node_without_secrets_refuses_to_start_and_says_what_to_do(tmp_path: Path, node: str) -> None:
    refused = load_settings(tmp_path / "var", node)
    assert refused.returncode != 0
    assert "ImproperlyConfigured" in refused.stderr
    assert "manage.py prepare" in refused.stderr
    assert not (tmp_path / "var").exists()


def test_a_command_makes_them_and_every_node_then_has_the_same(tmp_path: Path) -> None:
    made = load_settings(tmp_path, "")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == NAMES
    assert [load_settings(tmp_path, node).stdout for node in ("front", "catalog-1")] == [made.stdout] * 2


def test_a_secret_is_for_its_owner_only_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret"
    made = environment.secret(path, is_created=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert environment.secret(path, is_created=False) == environment.secret(path, is_created=True) == made


def test_a_file_without_a_secret_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short\n")
    with pytest.raises(ImproperlyConfigured, match="no secret of at least"):
        environment.secret(tmp_path / "secret", is_created=True)
