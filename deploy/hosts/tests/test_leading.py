from typing import Any

import pytest

from deploy.hosts import leading
from deploy.hosts.cluster import Cluster

MEMBERS = [
    {"ID": "11", "peerURLs": ["https://192.0.2.1:2380"]},
    {"ID": "33", "peerURLs": ["https://192.0.2.3:2380"]},
]
LEADS = {"header": {"member_id": "11"}, "leader": "11"}
FOLLOWS = {"header": {"member_id": "11"}, "leader": "33"}


@pytest.mark.parametrize(
    ("status", "members", "expected"),
    [(LEADS, MEMBERS, "33"), (FOLLOWS, MEMBERS, None), (LEADS, MEMBERS[:1], None)],
    ids=["it leads", "another leads", "no third host"],
)
def test_the_third_host_is_to_lead(
    cluster: Cluster, status: dict[str, Any], members: list[dict[str, Any]], expected: str | None
) -> None:
    assert leading.heir(status, members, cluster) == expected
