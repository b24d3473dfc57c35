"""A node loads what it needs when it starts, and the rest when somebody asks for it."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

SELDOM = {
    "bookstore_project.text.foldings",
    "catalog_app.importing",
    "django.test",
    "drf_spectacular.plumbing",
    "openpyxl",
    "redis",
}
LOAD = f"""
import sys
import bookstore_project.asgi
from django.urls import get_resolver
assert get_resolver().url_patterns
print(*sorted({SELDOM!r}.intersection(sys.modules)))
"""


@pytest.mark.parametrize("node", ["front", "catalog-1", "order-2"])
def test_a_node_starts_without_what_few_requests_need(node: str) -> None:
    environment = os.environ | {"BOOKSTORE_NODE": node}
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    assert loaded.stdout.split() == []
