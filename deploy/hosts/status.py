"""What is well with the three hosts and what isn't: asked of all of them, and told in words."""

import http
import shutil
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts import hastening
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host

LEAST_FREE = 0.1
WRITTEN_TO, FOLLOWS = "master", "slave up"
"""Roles of a Redis, by the words of its INFO."""
SOON = timedelta(days=30)
CLOCK_S = 2.0
"""By how much a clock may differ; what is asked tells whole seconds."""
MOST_BEHIND_BYTES = 16 << 20


@dataclass(frozen=True)
class Findings:
    """What was answered; a host that isn't named in a mapping didn't answer there."""

    cluster: Cluster
    etcd: dict[int, bool] = field(default_factory=dict)
    """Whether that member has a majority with it."""
    copies: list[dict[str, Any]] | None = None
    """None: no Patroni answers."""
    redis: dict[int, str] = field(default_factory=dict)
    """Roles: `master`, or `slave` with what it thinks of its link."""
    sentinels: frozenset[int] = frozenset()
    fronts: frozenset[int] = frozenset()
    is_watched: bool | None = None
    """Whether the third host looks after the primary's; None: nobody knows."""
    clocks_s: dict[int, float] = field(default_factory=dict)
    """How far they are from this host's."""
    certificates: dict[int, datetime] = field(default_factory=dict)
    """When those that hold end."""
    expired: frozenset[int] = frozenset()
    """Hosts whose certificate holds no more."""
    free: float = 1.0
    """Of the disk of this host's data."""


@dataclass(frozen=True)
class Line:
    is_well: bool
    text: str

    def __str__(self) -> str:
        return f"{'well' if self.is_well else 'NOT '}  {self.text}"


def look(cluster: Cluster, asker: Asker, data: Path) -> Findings:
    """Asks all hosts; takes some seconds for each that doesn't answer."""
    found, expired = Findings(cluster, free=_free(data)), set[int]()
    for host in cluster.hosts:
        try:
            answer = asker.etcd_is_well(host)
        except Unanswered as error:
            expired |= {host.number} if error.has_expired else set()
            continue
        found.etcd[host.number] = answer.status == http.HTTPStatus.OK
        if answer.clock is not None:
            found.clocks_s[host.number] = (answer.clock - datetime.now(UTC)).total_seconds()
        if answer.certificate_ends is not None:
            found.certificates[host.number] = answer.certificate_ends
    return Findings(
        **{
            **vars(found),
            "expired": frozenset(expired),
            "copies": copies_that_answer(cluster, asker),
            "is_watched": hastening.watches(asker, cluster),
            "redis": roles_of_redis(cluster, asker),
            "sentinels": frozenset(host.number for host in cluster.hosts if _sentinel_answers(asker, host)),
            "fronts": frozenset(host.number for host in cluster.with_rows if asker.node_is_ready(host, ports.FRONT)),
        }
    )


def in_words(found: Findings, now: datetime) -> list[Line]:
    """A line for each thing that may be well or not."""
    return [
        _etcd(found),
        _postgresql(found),
        _takeover(found),
        _redis(found),
        _sentinels(found),
        _fronts(found),
        _certificates(found, now),
        _clocks(found),
        Line(found.free >= LEAST_FREE, f"disk of this host: {found.free:.0%} free"),
    ]


def _etcd(found: Findings) -> Line:
    hosts, is_there = found.cluster.hosts, any(found.etcd.values())
    silent = [host for host in hosts if not found.etcd.get(host.number)]
    verdict = "a majority is there" if is_there else "no majority: nobody can be or become the primary"
    if not silent:
        return Line(True, f"etcd: all three hosts answer; {verdict}")
    return Line(False, f"etcd: {_named(silent)} has no part in it; {verdict}")


def _postgresql(found: Findings) -> Line:
    if found.copies is None:
        return Line(False, "PostgreSQL: no Patroni answers")
    by_role = {copy["role"]: copy for copy in found.copies if copy.get("state") in ("running", "streaming")}
    leader, standby = by_role.get("leader"), by_role.get("sync_standby")
    if leader is None:
        states = ", ".join(f"{copy['name']} is {copy.get('state')}" for copy in found.copies)
        return Line(False, f"PostgreSQL: there is no primary ({states or 'no copy is known'})")
    if standby is None:
        others = [copy for copy in found.copies if copy is not leader]
        states = ", ".join(f"{copy['name']} is {copy.get('state')}" for copy in others) or "no other copy is known"
        text = f"PostgreSQL: {leader['name']} is the primary, and alone: what is sold is on one disk ({states})"
        return Line(False, text)
    behind = standby.get("lag", 0)
    text = f"PostgreSQL: {leader['name']} is the primary, {standby['name']} its synchronous standby"
    is_near = isinstance(behind, int) and behind <= MOST_BEHIND_BYTES
    return Line(is_near, f"{text}, {behind} bytes behind; timeline {leader.get('timeline')}")


def _takeover(found: Findings) -> Line:
    third = _named(found.cluster.hosts[-1:])
    if found.is_watched:
        return Line(True, f"takeover: {third} watches over the primary's host")
    if found.is_watched is None:
        return Line(False, "takeover: nobody knows whether somebody watches over the primary's host")
    return Line(False, f"takeover: {third} runs none: the lock of a host that is lost lasts for 20 s")


def _redis(found: Findings) -> Line:
    written = [number for number, role in found.redis.items() if role == WRITTEN_TO]
    following = [number for number, role in found.redis.items() if role == FOLLOWS]
    words = {WRITTEN_TO: "is written to", FOLLOWS: "follows"}
    roles = "; ".join(
        f"host{number} {words.get(role, 'follows nobody')}" for number, role in sorted(found.redis.items())
    )
    is_well = len(written) == 1 and len(following) == len(found.cluster.with_rows) - 1
    return Line(is_well, f"Redis: {roles or 'none answers'}")


def _sentinels(found: Findings) -> Line:
    silent = [host for host in found.cluster.hosts if host.number not in found.sentinels]
    return Line(not silent, f"Sentinel: {_named(silent)} has none that answers" if silent else "Sentinel: all three")


def _fronts(found: Findings) -> Line:
    silent = [host for host in found.cluster.with_rows if host.number not in found.fronts]
    text = f"shop: the front of {_named(silent)} isn't ready" if silent else "shop: both fronts are ready"
    return Line(not silent, text)


def _certificates(found: Findings, now: datetime) -> Line:
    if expired := [host for host in found.cluster.hosts if host.number in found.expired]:
        whose = f"that of {_named(expired)} has" if len(expired) == 1 else f"those of {_named(expired)} have"
        return Line(
            False, f"certificates: {whose} expired: `make host-renew WHAT=certificates`, then `make host` on each"
        )
    if not found.certificates:
        return Line(False, "certificates: no host has shown one that holds")
    number, end = min(found.certificates.items(), key=lambda item: item[1])
    left = end - now
    return Line(left > SOON, f"certificates: that of host{number} is the first to end, in {left.days} days")


def _clocks(found: Findings) -> Line:
    if not found.clocks_s:
        return Line(False, "clocks: no host has told the time")
    wrong = {number: off for number, off in found.clocks_s.items() if abs(off) > CLOCK_S}
    if not wrong:
        return Line(True, f"clocks: those that were asked are within {CLOCK_S:.0f} s of this one")
    told = ", ".join(f"host{number} by {off:+.0f} s" for number, off in sorted(wrong.items()))
    return Line(False, f"clocks: they differ from this one, {told}")


def _named(hosts: Iterable[Host]) -> str:
    return ", ".join(f"{host.name} ({host.address})" for host in hosts)


def copies_that_answer(cluster: Cluster, asker: Asker) -> list[dict[str, Any]] | None:
    """PostgreSQL's; what etcd still has of a host whose Patroni doesn't answer (for 20 s) is called silent."""
    try:
        found = asker.copies(cluster)
    except Unanswered:
        return None
    silent = {host.name for host in cluster.with_rows if not asker.patroni_answers(host)}
    return [{**copy, "state": "silent"} if copy["name"] in silent else copy for copy in found]


def _free(data: Path) -> float:
    about = shutil.disk_usage(data)
    return about.free / about.total


def roles_of_redis(cluster: Cluster, asker: Asker) -> dict[int, str]:
    """By host, of those that answer."""
    return {host.number: role for host in cluster.with_rows if (role := _role_of_redis(asker, host))}


def _role_of_redis(asker: Asker, host: Host) -> str:
    said = _info(asker, host, ports.REDIS, "redis", "INFO replication")
    role = next((line.removeprefix("role:") for line in said if line.startswith("role:")), "")
    if role == "slave":
        return "slave up" if "master_link_status:up" in said else "slave down"
    return role


def _sentinel_answers(asker: Asker, host: Host) -> bool:
    return "+PONG" in _info(asker, host, ports.SENTINEL, "sentinel", "PING")


def _info(asker: Asker, host: Host, port: int, password: str, command: str) -> Sequence[str]:
    """The lines of the answer to an inline command (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    secret = (asker.folder / password).read_text()
    try:
        with asker.connect(host.address, port) as connection:
            connection.sendall(f"AUTH {secret}\r\n{command}\r\nQUIT\r\n".encode())
            return _all(connection).decode().splitlines()
    except OSError:
        return []


def _all(connection: ssl.SSLSocket) -> bytes:
    """Until the other side closes."""
    parts = []
    while part := _part(connection):
        parts.append(part)
    return b"".join(parts)


def _part(connection: ssl.SSLSocket) -> bytes:
    try:
        return connection.recv(65536)
    except (ssl.SSLEOFError, ConnectionResetError, TimeoutError):
        return b""
