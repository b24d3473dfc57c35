from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.hosts import certificates, secret_bundle
from deploy.hosts import host as installing
from deploy.hosts.asking import Answer, Asker, Unanswered
from deploy.hosts.cluster import Cluster, Refused
from deploy.hosts.parts import Places
from deploy.hosts.secret_bundle import Bundle
from tests.clock import START_S, Clock


class Said(Asker):
    """What this host's etcd and the Patronis answer."""

    def __init__(
        self, etcd: int | None, copies: list[dict[str, Any]] | None = None, version: str | None = "3.4.0"
    ) -> None:
        self.etcd, self.known, self.version = etcd, copies, version

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
        assert (port, path) == (2379, "/version")
        if self.version is None:
            raise Unanswered("it has just ended")
        return Answer(200, {"etcdserver": "3.4.23", "etcdcluster": self.version}, None, None)

    def etcd_is_well(self, host: object) -> Answer:
        if self.etcd is None:
            raise Unanswered("nobody")
        return Answer(self.etcd, {}, None, None)

    def copies(self, cluster: Cluster) -> list[dict[str, Any]]:
        if self.known is None:
            raise Unanswered("nobody")
        return self.known


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said(None), "etcd of this host to answer"),
        (Said(200, version=None), "etcd of this host to answer"),
        (Said(503), "a second host"),
        (Said(200, version="3.0.0"), "the third host: Patroni needs an etcd that has met all"),
        (Said(200), "Patroni of this host"),
        (Said(200, []), "PostgreSQL of this host: not there"),
        (Said(200, [{"name": "host2", "role": "replica", "state": "creating replica"}]), "creating replica"),
        (Said(200, [{"name": "host2", "role": "replica", "state": "streaming"}]), "the synchronous standby"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_told_what_a_host_still_lacks(cluster: Cluster, said: Asker, words: str) -> None:
    lacking = installing.missing(cluster.host(2), cluster, said)
    assert lacking is not None
    assert words in lacking.text


@pytest.mark.parametrize(
    ("said", "there", "expired", "words"),
    [
        (Said(503), (), (), "It waits for host1 and host3"),
        (Said(503), (), (1, 3), "It waits for host1 and host3"),
        (Said(200, version="3.0.0"), (1,), (), "It waits for host3"),
    ],
    ids=["alone", "alone with a certificate that holds", "beside the first one"],
)
def test_a_host_that_cannot_go_on_before_others_are_there_says_so_and_ends(
    cluster: Cluster,
    said: Asker,
    there: tuple[int, ...],
    expired: tuple[int, ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    monkeypatch.setattr(installing, "time", clock)
    monkeypatch.setattr(installing, "_is_open", lambda host, port: host.number in (*there, *expired))
    monkeypatch.setattr(installing, "_has_expired", lambda host, asker: host.number in expired)
    told: list[str] = []
    assert not installing.wait_for_its_part(cluster.host(2), cluster, said, told.append)
    assert words in told[-1]
    assert clock.now - START_S < installing.PATIENCE_S


@pytest.mark.parametrize("role", ["leader", "sync_standby"])
def test_a_host_has_its_part_as_primary_or_as_standby(cluster: Cluster, role: str) -> None:
    said = Said(200, [{"name": "host2", "role": role, "state": "running"}])
    assert installing.missing(cluster.host(2), cluster, said) is None


def test_the_third_host_has_its_part_with_a_majority(cluster: Cluster) -> None:
    assert installing.missing(cluster.host(3), cluster, Said(200)) is None


Given = Callable[[int, Path | None, bool], Bundle]


@pytest.fixture
def bundle_for(cluster: Cluster, tmp_path: Path) -> Given:
    places = Places(configuration=tmp_path / "etc")

    def take(number: int, given: Path | None, others_run: bool) -> Bundle:
        return installing.bundle_for(cluster.host(number), cluster, places, given, others_run=others_run)

    return take


@pytest.mark.parametrize(("days_before", "is_told"), [(31, False), (29, True), (-1, True)])
def test_that_certificates_end_soon_is_said_each_time(
    cluster: Cluster, bundle: Bundle, days_before: int, is_told: bool
) -> None:
    ends = certificates.ends_at(bundle.certificate(cluster.host(1))[0])
    told: list[str] = []
    installing.warn_of_the_end(bundle, cluster.host(1), ends - timedelta(days=days_before), told.append)
    assert [f"{ends:%d %B %Y}" in text for text in told] == [True] * is_told


def test_the_first_host_makes_secrets_once(bundle_for: Given) -> None:
    assert bundle_for(1, None, False) == bundle_for(1, None, True)


def test_another_host_takes_those_that_it_is_given(bundle_for: Given, bundle: Bundle, tmp_path: Path) -> None:
    secret_bundle.write(bundle, tmp_path / "copied.tar.gz")
    assert bundle_for(2, tmp_path / "copied.tar.gz", True) == bundle
    assert bundle_for(2, None, True) == bundle


def test_nobody_makes_secrets_beside_hosts_that_have_some(bundle_for: Given) -> None:
    with pytest.raises(Refused, match="Another host runs already"):
        bundle_for(1, None, True)
    with pytest.raises(Refused, match="Secrets are made on the first host"):
        bundle_for(2, None, False)
