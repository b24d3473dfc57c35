"""Replication is used by itself: a project needs none of the shop's apps for it."""

import subprocess
import sys

import pytest

from bookstore_project.replication.tests.support.forks import of_this_store
from bookstore_project.settings import topology

LOOK = """
import pkgutil, sys
import django; django.setup()
from django.core.management import call_command
from bookstore_project import replication
for found in pkgutil.walk_packages(replication.__path__, "bookstore_project.replication."):
    if found.name.endswith(".test_by_itself") or "migrations" in found.name: continue
    __import__(found.name)
call_command("check")
print(sorted({"catalog_app", "order_app", "frontend_app"} & set(sys.modules)))
"""


@pytest.mark.processes
def test_all_of_it_and_of_its_tests_loads_in_a_project_without_the_shop() -> None:
    environment = of_this_store() | {"DJANGO_SETTINGS_MODULE": "bookstore_project.replication.tests.settings"}
    said = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=topology.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert said.stdout.endswith("\n[]\n"), said.stdout + said.stderr
