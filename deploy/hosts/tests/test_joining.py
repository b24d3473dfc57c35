from typing import Any

import pytest

from deploy.hosts import joining
from deploy.hosts.asking import Answer, Asker, Unanswered
from deploy.hosts.cluster import Cluster, Refused

KNOWN = {"ID": "17", "peerURLs": ["https://192.0.2.2:2380"], "clientURLs": ["https://192.0.2.2:2379"]}
NEVER_STARTED = {"ID": "17", "peerURLs": ["https://192.0.2.2:2380"]}


class Others(Asker):
    """What the other hosts' etcd answers; a status for each change that it is asked for."""

    def __init__(self, members: list[dict[str, Any]] | None, status: int = 200) -> None:
        self.members, self.status = members, status
        self.asked: list[str] = []

    def etcd_members(self, host: object) -> list[dict[str, Any]]:
        if self.members is None:
            raise Unanswered("nobody")
        return self.members

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
        self.asked.append(path)
        return Answer(self.status, {}, None, None)


def test_a_host_that_was_known_gets_its_place_anew(cluster: Cluster) -> None:
    others = Others([KNOWN])
    assert joining.join_again(cluster, cluster.host(2), others)
    assert others.asked == ["/v3/cluster/member/remove", "/v3/cluster/member/add"]


@pytest.mark.parametrize("members", [[NEVER_STARTED], [], None], ids=["never started", "unknown", "nobody answers"])
def test_a_new_host_needs_no_exchange(cluster: Cluster, members: list[dict[str, Any]] | None) -> None:
    others = Others(members)
    assert not joining.join_again(cluster, cluster.host(2), others)
    assert others.asked == []


def test_a_refused_exchange_is_told(cluster: Cluster) -> None:
    with pytest.raises(Refused, match="etcd of host1 refuses to exchange host2"):
        joining.join_again(cluster, cluster.host(2), Others([KNOWN], status=500))
