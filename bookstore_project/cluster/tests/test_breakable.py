"""BOOKSTORE_BREAKABLE as a setting: off by default, on loopback with `make run`, refused where customers are."""

from pathlib import Path

import pytest

from bookstore_project.cluster.tests.interpreter import python

pytestmark = pytest.mark.processes

HERE, ELSEWHERE = "127.0.0.1:8000,[::1]:8000", "127.0.0.1:8000,192.0.2.1:8000"


@pytest.mark.parametrize(
    ("settings", "value", "fronts", "is_breakable"),
    [
        ("base", "", HERE, False),
        ("base", "0", HERE, False),
        ("base", "1", HERE, True),
        ("base", "1", ELSEWHERE, True),
        ("base", "loopback", HERE, True),
        ("base", "loopback", "localhost:8000", True),
        ("base", "loopback", ELSEWHERE, False),
        ("base", "loopback", "0.0.0.0:8000", False),
        ("production", "", HERE, False),
        ("production", "loopback", HERE, False),
    ],
)
def test_who_may_break_the_store(tmp_path: Path, settings: str, value: str, fronts: str, is_breakable: bool) -> None:
    answer = python(
        "from django.conf import settings; print('breakable:', settings.IS_BREAKABLE)",
        BOOKSTORE_DATA=str(tmp_path),
        BOOKSTORE_BREAKABLE=value,
        BOOKSTORE_FRONTS=fronts,
        DJANGO_SETTINGS_MODULE=f"bookstore_project.settings.{settings}",
    )
    assert answer.returncode == 0, answer.stderr
    assert f"breakable: {is_breakable}" in answer.stdout


@pytest.mark.parametrize(
    ("settings", "value", "complaint"),
    [
        ("production", "1", "BOOKSTORE_BREAKABLE='1' lets staff stop nodes"),
        ("base", "yes", "BOOKSTORE_BREAKABLE='yes': expected one of 0, 1, loopback."),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, settings: str, value: str, complaint: str) -> None:
    answer = python(
        "from django.conf import settings; settings.DEBUG",
        BOOKSTORE_DATA=str(tmp_path),
        BOOKSTORE_BREAKABLE=value,
        DJANGO_SETTINGS_MODULE=f"bookstore_project.settings.{settings}",
    )
    assert answer.returncode != 0
    assert complaint in answer.stderr


def test_djangos_own_check_is_content_with_production(tmp_path: Path) -> None:
    answer = python(
        "from django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'prepare'])\n"
        "run(['manage.py', 'check', '--deploy', '--fail-level', 'WARNING'])",
        BOOKSTORE_DATA=str(tmp_path),
        BOOKSTORE_BREAKABLE="loopback",
        DJANGO_SETTINGS_MODULE="bookstore_project.settings.production",
    )
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout
