"""Certificates that expire while hosts run, and new ones as `make host-renew` makes them."""

import os
from functools import partial
from unittest import mock

from deploy.hosts import certificates, secret_bundle
from deploy.hosts import cluster as ports
from deploy.hosts import host as installing
from deploy.hosts.secret_bundle import Bundle
from tests.hosts.clock import Clock, compiled
from tests.hosts.hosts import Hosts
from tests.hosts.machine import Machine
from tests.waiting import wait_for

A_DAY_S, LAST_S = 86_400, 60
ENDED = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'bookstore'"


def expire(hosts: Hosts, machine: Machine) -> None:
    """Of all three hosts, as of one day. Connections that stand would go on: those to PostgreSQL are ended."""
    hosts.take_secrets(_expiring(hosts))
    with hosts.network.switch.entered():
        for host in hosts.cluster.with_rows:
            wait_for(partial(hosts.asker.node_is_ready, host, ports.FRONT), what=f"the front of {host.name}")
    wait_for(lambda: any("have expired" in text for text in hosts.not_well()), what="certificates that have expired")
    for each in hosts.machines.values():
        if each.host.has_rows:  # All of etcd began anew meanwhile: either may be the primary by now.
            each.query(ENDED)


def _expiring(hosts: Hosts) -> Bundle:
    """openssl counts days from now: here it is yesterday for it."""
    clock = Clock(compiled(hosts.folder), hosts.folder / "yesterday")
    clock.set(LAST_S - A_DAY_S)
    texts = dict(hosts.bundle.texts)
    with mock.patch.dict(os.environ, clock.environment):
        for host in hosts.cluster.hosts:
            made = certificates.make_certificate(hosts.bundle.authority, host, days=1)
            texts[f"{host.name}.crt"], texts[f"{host.name}.key"] = made
    return Bundle(texts)


def renew(hosts: Hosts, machine: Machine) -> None:
    """One host after the other. The first one has to say for whom it waits, instead of waiting."""
    renewed, told = secret_bundle.renew_certificates(hosts.bundle, hosts.cluster), list[str]()
    for each in hosts.machines.values():
        hosts.take_secrets(renewed, each)
        with hosts.network.cards[each.host.number].entered():
            has_part = installing.wait_for_its_part(each.host, hosts.cluster, hosts.asker, told.append)
        assert has_part == (each.host.number > 1), told
