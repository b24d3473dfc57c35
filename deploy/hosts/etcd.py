"""Entries of etcd, by its JSON gateway (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/)."""

import base64
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Host


@dataclass(frozen=True)
class Entry:
    """As it was at that revision."""

    key: str
    value: str
    revision: str

    def is_unchanged(self) -> dict[str, str]:
        """For a transaction."""
        return {"key": in_base64(self.key), "target": "MOD", "mod_revision": self.revision, "result": "EQUAL"}


def ask(asker: Asker, host: Host, path: str, asked: object) -> dict[str, Any]:
    """The member of that host. Raises Unanswered, also if there is no majority."""
    answer = asker.ask(host.address, ports.ETCD, path, asked)
    if answer.status != HTTPStatus.OK or not isinstance(answer.content, dict):
        raise Unanswered(f"etcd answers {answer.content}")
    return answer.content


def entry(asker: Asker, host: Host, key: str) -> Entry | None:
    """As a majority has it; None if there is none. Raises Unanswered."""
    for found in ask(asker, host, "/v3/kv/range", {"key": in_base64(key)}).get("kvs", ()):
        return Entry(key, base64.b64decode(found["value"]).decode(), str(found["mod_revision"]))
    return None


def put_for(asker: Asker, host: Host, key: str, value: str, seconds: int) -> None:
    """It is gone that long after it was put last. Raises Unanswered."""
    lease = ask(asker, host, "/v3/lease/grant", {"TTL": seconds})["ID"]
    ask(asker, host, "/v3/kv/put", {"key": in_base64(key), "value": in_base64(value), "lease": lease})


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
