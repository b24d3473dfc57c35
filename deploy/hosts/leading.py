"""Keeps the leader of etcd on the third host, away from the primary of PostgreSQL: `bookstore-etcd-leader`.

If both are lost at once, etcd first elects another leader, under which the primary's lock lasts for its whole time
once more: some two seconds longer until the standby takes over.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host

EVERY_S = 10.0


def heir(status: dict[str, Any], members: list[dict[str, Any]], cluster: Cluster) -> str | None:
    """The member that shall lead instead of the one that says `status`; None if it doesn't lead, or there is none."""
    if status.get("leader") != status["header"]["member_id"]:
        return None
    last = cluster.hosts[-1]
    peers = [f"https://{last.address}:{ports.ETCD_PEERS}"]
    return next((str(member["ID"]) for member in members if member.get("peerURLs") == peers), None)


def hand_over(host: Host, cluster: Cluster, asker: Asker) -> bool:
    """Whether this host led, and the third one has taken over. Raises Unanswered."""
    status = asker.ask(host.address, ports.ETCD, "/v3/maintenance/status", {})
    if status.status != HTTPStatus.OK:
        return False
    chosen = heir(status.content, asker.etcd_members(host), cluster)
    if chosen is None or asker.etcd_is_well(cluster.hosts[-1]).status != HTTPStatus.OK:
        return False
    answer = asker.ask(host.address, ports.ETCD, "/v3/maintenance/transfer-leadership", {"targetID": chosen})
    return answer.status == HTTPStatus.OK


def keep(host: Host, cluster: Cluster, folder: Path, say: Callable[[str], object]) -> None:
    """For ever; a host that doesn't answer is asked again."""
    asker = Asker(folder)
    while True:
        try:
            if hand_over(host, cluster, asker):
                say(f"{cluster.hosts[-1].name} leads etcd now, instead of {host.name}")
        except Unanswered as error:
            say(str(error))
        time.sleep(EVERY_S)
