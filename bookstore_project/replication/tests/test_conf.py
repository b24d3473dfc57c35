"""The setting REPLICATION: what isn't given has a default, what makes no sense is named."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from pytest_django import Settings

from bookstore_project.replication.conf import DEFAULTS, front_at, replication_settings
from bookstore_project.replication.service import get_service, service_of_app

LEAST: dict[str, Any] = {
    "SERVICES": {"library": {"APPS": ["shelf"], "REPLICAS": {"one": "http://[::1]:1", "two": "http://h:2"}}},
    "DATA_DIR": "/data",
}


@override_settings(REPLICATION=LEAST)
def test_services_and_a_folder_are_enough() -> None:
    assert get_service("library").aliases == ["one", "two"]
    assert get_service("library").witness_file == Path("/data/witness/library.json")
    assert service_of_app("shelf") == "library"
    assert service_of_app("desk") is None
    assert replication_settings.service_of_alias == {"one": "library", "two": "library"}
    assert replication_settings.address("one") == "[::1]:1"
    assert replication_settings.lease_s == DEFAULTS["LEASE_S"]
    assert replication_settings.service_of_node is None


def test_what_a_test_overrides_counts_at_once_and_no_longer(settings: Settings) -> None:
    before = replication_settings.lease_s
    with override_settings(REPLICATION=settings.REPLICATION | {"LEASE_S": before + 1, "NODE": "desk-2"}):
        assert replication_settings.lease_s == before + 1
        assert replication_settings.service_of_node == "desk"
    assert replication_settings.lease_s == before


@pytest.mark.parametrize("missing", LEAST)
def test_what_has_no_default_is_asked_for(missing: str) -> None:
    given = {key: value for key, value in LEAST.items() if key != missing}
    with override_settings(REPLICATION=given), pytest.raises(ImproperlyConfigured, match=f"needs '{missing}'"):
        _ = replication_settings.services


def test_a_misspelt_key_is_named() -> None:
    with (
        override_settings(REPLICATION=LEAST | {"LEASES": 1}),
        pytest.raises(ImproperlyConfigured, match="no key 'LEASES'"),
    ):
        _ = replication_settings.lease_s


@override_settings(REPLICATION=LEAST)
def test_a_service_that_is_not_there_is_named() -> None:
    with pytest.raises(ImproperlyConfigured, match="no service 'libary': there are library"):
        get_service("libary")


def test_a_front_listens_on_an_address() -> None:
    assert front_at("front-2", "[::1]:8000").url == "http://[::1]:8000"
    with pytest.raises(ImproperlyConfigured, match="HOST:PORT"):
        front_at("front-2", "nowhere")
