import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bookstore_project.settings import sentinels
from deploy.hosts.cluster import Cluster
from deploy.hosts.joining import JOINED
from deploy.hosts.parts import Part, Places, unit
from deploy.hosts.rendering import render
from deploy.hosts.secret_bundle import PASSWORDS, Bundle
from deploy.hosts.setting import Setting
from deploy.hosts.shop_parts import CACHE_URL
from tests import programs


def text(parts: tuple[Part, ...], name: str, file: str) -> str:
    part = next(part for part in parts if part.name == name)
    return next(each.text for each in part.all_files() if each.name == file)


def test_the_third_host_has_votes_only(cluster: Cluster, bundle: Bundle, places: Places) -> None:
    parts = render(Setting(cluster.host(3), cluster, bundle, places, memory_mb=512))
    assert [part.name for part in parts if part.command] == ["etcd", "sentinel", "takeover"]


def test_a_host_with_rows_has_all_parts(parts: tuple[Part, ...]) -> None:
    names = [part.name for part in parts if part.command]
    assert names == ["etcd", "etcd-leader", "patroni", "waking", "redis", "sentinel", "store", "haproxy"]


def test_nothing_but_the_shop_listens_beyond_the_hosts_own_address(parts: tuple[Part, ...]) -> None:
    patroni = yaml.safe_load(text(parts, "patroni", "patroni.yml"))
    assert patroni["postgresql"]["listen"] == "192.0.2.1:5432"
    assert patroni["restapi"]["listen"] == "192.0.2.1:8008"
    etcd = text(parts, "etcd", "environment")
    assert set(re.findall(r'LISTEN_\w+="([^"]+)"', etcd)) == {"https://192.0.2.1:2379", "https://192.0.2.1:2380"}
    for name in ("redis", "sentinel"):
        assert re.findall(r"^(?:bind|port) .*", text(parts, name, f"{name}.conf"), re.MULTILINE) == [
            "bind 192.0.2.1",
            "port 0",
        ]
    assert re.findall(r"bind (.*)", text(parts, "haproxy", "haproxy.cfg")) == [
        ":80",
        "127.0.0.1:8001",
        "127.0.0.1:8002",
    ]


def test_rows_go_over_tls_alone_to_the_two_hosts_that_have_some(parts: tuple[Part, ...]) -> None:
    rules = yaml.safe_load(text(parts, "patroni", "patroni.yml"))["postgresql"]["pg_hba"]
    assert {rule.split()[0] for rule in rules} == {"local", "hostssl"}
    beyond = [rule for rule in rules if rule.startswith("hostssl")]
    assert {rule.split()[3] for rule in beyond} == {"192.0.2.1/32", "192.0.2.2/32"}
    assert all(rule.endswith("scram-sha-256") for rule in beyond)
    assert not any(rule.split()[2] == "postgres" for rule in beyond)


def test_nobody_looks_for_anything_in_a_home_that_the_unit_shuts(parts: tuple[Part, ...], places: Places) -> None:
    """PostgreSQL's client looks for `.postgresql/postgresql.crt`, and gives up if it may not."""
    (store,) = (part for part in parts if part.name == "store")
    assert "ProtectHome=yes" in unit(store, places)
    assert store.environment["HOME"] == str(store.data)


def test_no_password_is_where_others_see_it(parts: tuple[Part, ...], bundle: Bundle, places: Places) -> None:
    shown = "".join(" ".join(part.command) + unit(part, places) for part in parts)
    shown += "".join(str(part.environment) for part in parts)
    assert not [name for name in PASSWORDS if bundle.password(name) in shown]


def test_only_the_second_redis_begins_as_a_copy(cluster: Cluster, bundle: Bundle, places: Places) -> None:
    second = render(Setting(cluster.host(2), cluster, bundle, places, memory_mb=512))
    first = render(Setting(cluster.host(1), cluster, bundle, places, memory_mb=512))
    assert "replicaof 192.0.2.1 6379" in text(second, "redis", "redis.conf")
    assert "replicaof" not in text(first, "redis", "redis.conf")


@pytest.mark.parametrize(("memory_mb", "buffers"), [(512, "64MB"), (8192, "1024MB"), (131072, "4096MB")])
def test_postgresql_takes_an_eighth_of_the_memory(
    cluster: Cluster, bundle: Bundle, places: Places, memory_mb: int, buffers: str
) -> None:
    parts = render(Setting(cluster.host(1), cluster, bundle, places, memory_mb))
    patroni = yaml.safe_load(text(parts, "patroni", "patroni.yml"))
    assert patroni["postgresql"]["parameters"]["shared_buffers"] == buffers


def test_fronts_may_share_the_redis_that_the_sentinels_of_all_hosts_elect(
    parts: tuple[Part, ...], bundle: Bundle
) -> None:
    """It is written down for them, by the name that the Sentinels have, and used only if the shop says so."""
    elected = sentinels.parse(text(parts, "store", CACHE_URL).strip())
    assert elected.sentinels == tuple((f"192.0.2.{number}", 26379) for number in (1, 2, 3))
    assert f"sentinel monitor {elected.name} " in text(parts, "sentinel", "sentinel.conf")
    assert (elected.password, elected.sentinel_password) == (bundle.password("redis"), bundle.password("sentinel"))
    assert elected.is_encrypted
    assert "CACHE" not in text(parts, "store", "environment")


def test_haproxy_asks_each_node_by_the_name_in_its_certificate_and_shows_one(parts: tuple[Part, ...]) -> None:
    said = text(parts, "haproxy", "haproxy.cfg")
    assert re.findall(r"^  server (.*)", said, re.MULTILINE) == [
        "front-1 192.0.2.1:8000 verifyhost host1",
        "front-2 192.0.2.2:8000 verifyhost host2",
        "catalog-1 192.0.2.1:8001 verifyhost host1",
        "catalog-2 192.0.2.2:8001 verifyhost host2 backup",
        "order-1 192.0.2.1:8002 verifyhost host1",
        "order-2 192.0.2.2:8002 verifyhost host2 backup",
    ]
    assert re.search(r"default-server ssl crt \S+/host\.pem ca-file \S+/ca\.crt verify required", said)


def test_haproxy_takes_its_configuration(parts: tuple[Part, ...], tmp_path: Path) -> None:
    program = programs.require("haproxy", "haproxy")
    (tmp_path / "ca.crt").write_text(text(parts, "haproxy", "ca.crt"))
    (tmp_path / "host.pem").write_text(text(parts, "haproxy", "host.pem"))
    path = tmp_path / "haproxy.cfg"
    path.write_text(text(parts, "haproxy", "haproxy.cfg").replace("/etc/bookstore/haproxy", str(tmp_path)))
    checked = subprocess.run([program, "-c", "-f", str(path)], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_systemd_takes_the_units(parts: tuple[Part, ...], places: Places, tmp_path: Path) -> None:
    """What it would ignore, it says, and so it may say nothing."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("this needs systemd-analyze, which every machine with systemd has")
    for part in parts:
        if part.command:
            (tmp_path / part.unit).write_text(unit(part, places))
    units = [str(path) for path in tmp_path.iterdir()]
    checked = subprocess.run([program, "verify", "--man=no", *units], check=False, capture_output=True, text=True)
    said = [line for line in checked.stderr.splitlines() if "bookstore" in line]
    assert (checked.returncode, said) == (0, [])


def test_a_unit_is_given_what_is_written_for_its_part_later(
    cluster: Cluster, parts: tuple[Part, ...], places: Places
) -> None:
    """The place of an etcd that has lost its data among the others, and what the shop sets by itself."""
    etcd, store = (next(part for part in parts if part.name == name) for name in ("etcd", "store"))
    assert f"EnvironmentFile=-{etcd.folder / JOINED}" in unit(etcd, places)
    assert f"EnvironmentFile=-{store.folder}/environment.local" in unit(store, places)


def test_what_is_written_later_counts_more(parts: tuple[Part, ...], tmp_path: Path) -> None:
    store = replace(next(part for part in parts if part.name == "store"), folder=tmp_path)
    (tmp_path / "environment").write_text('BOOKSTORE_HOST="1"\nBOOKSTORE_SHOP_NAME="Bookstore"\n')
    assert store.all_environment() == {"BOOKSTORE_HOST": "1", "BOOKSTORE_SHOP_NAME": "Bookstore"}
    (tmp_path / "environment.local").write_text("BOOKSTORE_SHOP_NAME=Ours\n# A remark\n")
    assert store.all_environment() == {"BOOKSTORE_HOST": "1", "BOOKSTORE_SHOP_NAME": "Ours"}
