"""BOOKSTORE_COHERENCE as a setting: an experiment is announced, and refused where customers are."""

from pathlib import Path

import pytest
from pytest_django import Settings

from bookstore_project.cluster import display
from bookstore_project.cluster.tests.interpreter import python
from bookstore_project.settings import modes


def test_an_experiment_is_announced(settings: Settings) -> None:
    assert display.experiments() == []
    settings.REPLICATION = settings.REPLICATION | {"COHERENCE": modes.PUSH}
    assert display.experiments() == ["BOOKSTORE_COHERENCE=push is an experiment: reads may be stale."]


@pytest.mark.parametrize(
    ("settings", "mode", "complaint"),
    [
        ("production", "", ""),
        ("production", "full", ""),
        ("production", "push", "BOOKSTORE_COHERENCE='push' is for experiments"),
        ("production", "none", "BOOKSTORE_COHERENCE='none' is for experiments"),
        ("base", "none", ""),
        ("base", "best", "BOOKSTORE_COHERENCE='best': expected one of full, push, none."),
    ],
)
@pytest.mark.processes
def test_only_a_shop_that_is_an_experiment_may_show_old_prices(
    tmp_path: Path, settings: str, mode: str, complaint: str
) -> None:
    answer = python(
        "from django.conf import settings; settings.DEBUG",
        BOOKSTORE_DATA=str(tmp_path),
        BOOKSTORE_COHERENCE=mode,
        DJANGO_SETTINGS_MODULE=f"bookstore_project.settings.{settings}",
    )
    assert complaint in answer.stderr
    assert (answer.returncode == 0) is (complaint == "")
