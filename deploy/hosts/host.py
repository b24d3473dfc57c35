"""Makes this machine one of the three hosts, and waits until it has its part in them."""

import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.hosts import certificates, joining, secret_bundle, status, steps
from deploy.hosts import cluster as ports
from deploy.hosts.asking import Asker, Unanswered, has_expired, speaks_without_tls
from deploy.hosts.carrying_out import carry_out, look, memory_mb
from deploy.hosts.cluster import Cluster, Host, Refused
from deploy.hosts.database_parts import BINARIES
from deploy.hosts.parts import Part, Places
from deploy.hosts.rendering import OPERATOR, render
from deploy.hosts.secret_bundle import Bundle
from deploy.hosts.setting import Setting
from deploy.hosts.upgrading import REPLICAS, wait_for_nodes

PATIENCE_S = 180.0
LOOKED_EVERY_S = 1.0
TOLD_EVERY_S = 5.0
Say = Callable[[str], object]


def bundle_for(host: Host, cluster: Cluster, places: Places, given: Path | None, *, others_run: bool) -> Bundle:
    """That which was given, or this host's own, or on the first host a new one. It is this host's afterwards.

    Raises Refused where there is none, and for that of other hosts.
    """
    if given is None and not places.bundle.exists():
        if others_run:
            raise Refused(
                "Another host runs already. Give its secrets: SECRETS=FILE, a copy of /etc/bookstore/secrets.tar.gz."
            )
        if host.number != 1:
            raise Refused("Secrets are made on the first host. Copy them here, and give them: SECRETS=FILE.")
        bundle = secret_bundle.make(cluster)
    else:
        bundle = secret_bundle.read(given or places.bundle)
    bundle.require(cluster)
    places.bundle.parent.mkdir(parents=True, exist_ok=True)
    secret_bundle.write(bundle, places.bundle)
    return bundle


def make(host: Host, cluster: Cluster, places: Places, given: Path | None, say: Say) -> None:
    """The whole of `make host`; may be called as often as one likes. Raises Refused."""
    steps.require_way_in(places.checkout, _modes(places.checkout))
    require_one_language(host, cluster)
    others_run = any(_is_open(other, ports.ETCD_PEERS) for other in cluster.others(host))
    bundle = bundle_for(host, cluster, places, given, others_run=others_run)
    parts = render(Setting(host, cluster, bundle, places, memory_mb()))
    mark = places.python.parents[1] / "requirements-hosts.txt"
    packages = {name for part in parts for name in part.packages}
    present = look([*steps.paths(parts), mark], packages, [part.name for part in parts])
    requirements = "".join((places.checkout / name).read_text() for name in steps.REQUIREMENTS_TEXTS)
    for step in with_place_in_etcd(steps.of_host(parts, places, present, requirements), parts, cluster, host):
        say(str(step))
        carry_out(step)
    warn_of_the_end(bundle, host, datetime.now(UTC), say)
    asker = Asker(places.configuration / OPERATOR)
    if not wait_for_its_part(host, cluster, asker, say):
        return
    set_passwords(host, cluster, asker, places, say)
    if host.has_rows:
        # Whoever goes on to the other host may have its nodes start again: then these have to serve.
        wait_for_nodes(host, asker, REPLICAS, say)


def warn_of_the_end(bundle: Bundle, host: Host, now: datetime, say: Say) -> None:
    """Of this host's certificate, if it is near: each upgrade comes past here."""
    ends = certificates.ends_at(bundle.certificate(host)[0])
    if ends - now < status.SOON:
        say(
            f"The certificates end on {ends:%d %B %Y}: `make host-renew WHAT=certificates`, then `make host` on each."
        )


def require_one_language(host: Host, cluster: Cluster) -> None:
    """Raises Refused while the other host's nodes are of code from before TLS: neither would understand the other."""
    for other in cluster.others(host):
        if host.has_rows and other.has_rows and speaks_without_tls(other, ports.FRONT):
            raise Refused(
                f"The nodes of {other.name} speak without TLS: their code is from before it. Nothing is done here. "
                f"Hosts can't take this step one after the other: on {other.name}, `systemctl stop bookstore-store`; "
                "then check this version out on all three, and call `make host` on each. Nobody sells meanwhile."
            )


def with_place_in_etcd(
    decided: list[steps.Step], parts: tuple[Part, ...], cluster: Cluster, host: Host
) -> Iterator[steps.Step]:
    """Those steps; before etcd first starts here, the others are asked whether they knew it before."""
    etcd, operator = (next(part for part in parts if part.name == name) for name in ("etcd", OPERATOR))
    for step in decided:
        is_start = isinstance(step, steps.Command) and step.arguments == ("systemctl", "start", etcd.unit)
        if is_start and (joined := place_in_etcd(etcd, operator, cluster, host)):
            yield joined
        yield step


def place_in_etcd(etcd: Part, operator: Part, cluster: Cluster, host: Host) -> steps.Writing | None:
    """What etcd has to be told at its first start if the others knew this host already. Raises Refused."""
    if joining.has_data(etcd.data / "members"):
        return None
    try:
        is_known = joining.join_again(cluster, host, Asker(operator.folder))
    except Unanswered as error:
        raise Refused(
            f"etcd was asked for the place of this host, and didn't answer: {error}. Call again."
        ) from error
    return steps.Writing(etcd.folder / joining.JOINED, joining.TEXT, etcd.user) if is_known else None


@dataclass(frozen=True)
class Missing:
    """What this host doesn't have yet, in words."""

    text: str
    is_of_each_host: bool = False
    """Nothing else helps than that all three are there once."""


def missing(host: Host, cluster: Cluster, asker: Asker) -> Missing | None:
    """What its part still lacks: a majority of etcd, then a primary and, with rows, its own copy in step."""
    try:
        is_well = asker.etcd_is_well(host).status == 200
        has_met_all = asker.etcd_has_met_all(host)
    except Unanswered:
        return Missing("etcd of this host to answer")
    if not is_well:
        return Missing("a second host: etcd decides by majority")
    if not has_met_all:
        return Missing("the third host: Patroni needs an etcd that has met all of its members once", True)
    if not host.has_rows:
        return None
    try:
        copies = asker.copies(cluster)
    except Unanswered:
        return Missing("Patroni of this host to answer")
    own = next((copy for copy in copies if copy["name"] == host.name), None)
    if own is None or own.get("state") not in ("running", "streaming"):
        return Missing(f"PostgreSQL of this host: {own.get('state') if own else 'not there'}")
    if own["role"] == "leader" or own["role"] == "sync_standby":
        return None
    return Missing("its copy to become the synchronous standby")


def wait_for_its_part(host: Host, cluster: Cluster, asker: Asker, say: Say, patience_s: float = PATIENCE_S) -> bool:
    """False soon if it needs hosts that aren't there yet. Raises Refused if it lacks anything else for too long."""
    began = told = time.monotonic()
    say("wait until this host has its part")
    while lacking := missing(host, cluster, asker):
        now = time.monotonic()
        others = cluster.others(host)
        absent = [other for other in others if not _is_open(other, ports.ETCD_PEERS) or _has_expired(other, asker)]
        is_their_turn = len(absent) == len(others) or (bool(absent) and lacking.is_of_each_host)
        if is_their_turn and now - began > TOLD_EVERY_S:
            names = " and ".join(other.name for other in absent)
            say(f"All parts of this host run. It waits for {names}: call `make host` there now.")
            return False
        if now - began > patience_s:
            raise Refused(
                f"After {patience_s:.0f} s this host still waits for {lacking.text}. See `make host-status`."
            )
        if now - told >= TOLD_EVERY_S:
            say(f"{now - began:.0f} s, waiting for {lacking.text}")
            told = now
        time.sleep(LOOKED_EVERY_S)
    say("This host has its part.")
    return True


def set_passwords(host: Host, cluster: Cluster, asker: Asker, places: Places, say: Say) -> None:
    """In PostgreSQL, if this host has the primary: those of the bundle. Raises Refused."""
    if not host.has_rows:
        return
    leader = next((copy["name"] for copy in asker.copies(cluster) if copy["role"] == "leader"), "")
    if leader != host.name:
        return
    data, roles = places.data / "patroni", places.configuration / "patroni" / "roles.sql"
    as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups")
    psql = (str(BINARIES / "psql"), "-X", "-q", "-h", str(data), "-v", "ON_ERROR_STOP=1", "-f", str(roles))
    say("set the passwords of PostgreSQL's roles")
    done = subprocess.run([*as_postgres, *psql, "postgres"], check=False)  # noqa: S603  # Ours.
    if done.returncode != 0:
        raise Refused("PostgreSQL didn't take the passwords. After mending what it says, call again.")


def this_one(cluster: Cluster) -> Host:
    """The host that has one of this machine's addresses. Raises Refused."""
    for host in cluster.hosts:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host.address, 0))
            return host
    raise Refused(f"This machine has none of the addresses {cluster.addresses}.")


def tell_status(cluster: Cluster, places: Places, say: Say) -> bool:
    """Whether all is well; says a line for each thing."""
    asker = Asker(places.configuration / OPERATOR)
    lines = status.in_words(status.look(cluster, asker, places.data), datetime.now(UTC))
    for line in lines:
        say(str(line))
    return all(line.is_well for line in lines)


def _modes(checkout: Path) -> dict[Path, int]:
    return {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (checkout, *checkout.parents)}


def _has_expired(host: Host, asker: Asker) -> bool:
    """Whether its etcd still shows a certificate that holds no more: the others' turn comes before ours goes on."""
    try:
        asker.connect(host.address, ports.ETCD_PEERS).close()
    except OSError as error:
        return has_expired(error)
    return False


def _is_open(host: Host, port: int) -> bool:
    try:
        socket.create_connection((host.address, port), 1.0).close()
    except OSError:
        return False
    return True
