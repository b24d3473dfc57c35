"""Three hosts on paper."""

from pathlib import Path

import pytest

from deploy.hosts import secret_bundle
from deploy.hosts.cluster import Cluster, parse_hosts
from deploy.hosts.parts import Part, Places
from deploy.hosts.rendering import render
from deploy.hosts.secret_bundle import Bundle
from deploy.hosts.setting import Setting
from tests import programs

ROOT = Path(__file__).parents[3]


@pytest.fixture
def cluster() -> Cluster:
    return parse_hosts("192.0.2.1, 192.0.2.2,192.0.2.3")


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    programs.require("openssl", "openssl")
    return secret_bundle.make(parse_hosts("192.0.2.1,192.0.2.2,192.0.2.3"))


@pytest.fixture
def places() -> Places:
    return Places(ROOT, ROOT / ".venv" / "bin" / "python")


@pytest.fixture
def parts(cluster: Cluster, bundle: Bundle, places: Places) -> tuple[Part, ...]:
    """Of the first host."""
    return render(Setting(cluster.host(1), cluster, bundle, places, memory_mb=4096))
