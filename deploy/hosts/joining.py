"""A host whose etcd has lost its data takes its old place: etcd lets nobody in twice under one name."""

from pathlib import Path
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host, Refused

JOINED = "environment.joined"
"""Beside the environment of etcd: there once it has joined the others, read at its first start alone."""
TEXT = 'ETCD_INITIAL_CLUSTER_STATE="existing"\n'


def has_data(members: Path) -> bool:
    return (members / "member").exists()


def stale_member(members: list[dict[str, Any]], host: Host) -> dict[str, Any] | None:
    """The one that this host was before it lost its data: one that has never started has no client addresses."""
    urls = [f"https://{host.address}:{ports.ETCD_PEERS}"]
    found = next((member for member in members if member.get("peerURLs") == urls), None)
    return found if found is not None and found.get("clientURLs") else None


def join_again(cluster: Cluster, host: Host, asker: Asker) -> bool:
    """Whether it was known to the others, and has its place anew. Only for a host without data of etcd.

    Raises Refused if the others know it, and can't be asked to exchange it: two of three have to be there.
    """
    members = None
    for other in cluster.others(host):
        try:
            members = asker.etcd_members(other)
        except Unanswered:
            continue
        break
    if members is None or not (stale := stale_member(members, host)):
        return False
    for path, body in (
        ("/v3/cluster/member/remove", {"ID": stale["ID"]}),
        ("/v3/cluster/member/add", {"peerURLs": [f"https://{host.address}:{ports.ETCD_PEERS}"]}),
    ):
        answer = asker.ask(other.address, ports.ETCD, path, body)
        if answer.status != 200:
            raise Refused(f"etcd of {other.name} refuses to exchange {host.name}: {answer.content}")
    return True
