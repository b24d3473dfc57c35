"""The store's nodes, and what serves them: HAProxy before the fronts, Redis and Sentinel."""

from collections.abc import Sequence
from urllib.parse import quote

from deploy.hosts import cluster as ports
from deploy.hosts.cluster import Host
from deploy.hosts.parts import File, Part
from deploy.hosts.setting import Setting

LEASE_S = "0.5"
"""So long do purchases wait for a front whose host is gone (docs/adr/0059)."""
CACHE_URL = "cache-url"
"""Beside the store's environment: where the Redis of the hosts is, for fronts that share it."""


def redis(setting: Setting) -> Part:
    first = setting.cluster.hosts[0]
    replica_of = "" if setting.host == first else f"replicaof {first.address} {ports.REDIS}"
    text = setting.fill("redis.conf", "redis", replica_of=replica_of)
    folder = setting.folder("redis")
    return Part(
        *("redis", "Redis", "redis", folder, setting.data("redis")),
        (*setting.certificates(), File("redis.conf", text, is_rewritten=True)),
        command=("/usr/bin/redis-server", str(folder / "redis.conf")),
        packages=("redis-server",),
        limits={"MemoryMax": "512M", "LimitNOFILE": "65536", "TasksMax": "50"},
    )


def sentinel(setting: Setting) -> Part:
    text = setting.fill("sentinel.conf", "sentinel", first_address=setting.cluster.hosts[0].address)
    folder = setting.folder("sentinel")
    return Part(
        *("sentinel", "Sentinel, whose majority decides which Redis is written to", "redis", folder),
        setting.data("sentinel"),
        (*setting.certificates(), File("sentinel.conf", text, is_rewritten=True)),
        command=("/usr/bin/redis-server", str(folder / "sentinel.conf"), "--sentinel"),
        packages=("redis-server",),
        limits={"MemoryMax": "128M", "LimitNOFILE": "4096", "TasksMax": "50"},
    )


def haproxy(setting: Setting) -> Part:
    folder = setting.folder("haproxy")
    servers = {
        "fronts": _servers(setting.cluster.with_rows, "front", ports.FRONT),
        "catalogs": _servers(setting.cluster.nearest_first(setting.host), "catalog", ports.CATALOG, other=" backup"),
        "orders": _servers(setting.cluster.nearest_first(setting.host), "order", ports.ORDER, other=" backup"),
    }
    authority, certificate, key = setting.certificates()
    shown = File("host.pem", certificate.text + key.text)
    return Part(
        *("haproxy", "HAProxy before the fronts of both hosts", "haproxy", folder, setting.data("haproxy")),
        (authority, shown, File("haproxy.cfg", setting.fill("haproxy.cfg", "haproxy", **servers))),
        command=("/usr/sbin/haproxy", "-db", "-f", str(folder / "haproxy.cfg")),
        packages=("haproxy",),
        limits={"MemoryMax": "256M", "LimitNOFILE": "16384", "TasksMax": "100"},
        capability="NET_BIND_SERVICE",
    )


def _elected_redis(setting: Setting) -> str:
    """For BOOKSTORE_CACHE_URL_FILE: whichever Redis the Sentinels have elected."""
    password, of_sentinels = (quote(setting.bundle.password(name), safe="") for name in ("redis", "sentinel"))
    sentinels = ",".join(f"{host.address}:{ports.SENTINEL}" for host in setting.cluster.hosts)
    return f"rediss+sentinel://:{password}@{sentinels}/cache?sentinel_password={of_sentinels}\n"


def _servers(hosts: Sequence[Host], service: str, port: int, other: str = "") -> str:
    """Of HAProxy; `other` is said of all but the first one."""
    return "\n".join(
        f"  server {service}-{host.number} {host.address}:{port} verifyhost {host.name}{other if number else ''}"
        for number, host in enumerate(hosts)
    )


def store(setting: Setting) -> Part:
    folder, data, rows = setting.folder("store"), setting.data("store"), setting.cluster.with_rows
    hosts = ",".join(host.address for host in rows)
    servers = ",".join(host.address for host in setting.cluster.nearest_first(setting.host))
    url = (
        f"postgresql://bookstore@{servers}/?sslmode=verify-full&sslrootcert={folder}/ca.crt&passfile={folder}/pgpass"
    )
    environment = {
        # PostgreSQL's client looks there for certificates, and gives up where it may not look (ProtectHome).
        "HOME": str(data),
        "BOOKSTORE_DATABASE_URL": url,
        "BOOKSTORE_DATA": str(data),
        "BOOKSTORE_HOSTS": hosts,
        "BOOKSTORE_HOST": str(setting.host.number),
        "BOOKSTORE_FRONTS": ",".join(f"{host.address}:{ports.FRONT}" for host in rows),
        "BOOKSTORE_LEASE_S": LEASE_S,
        "BOOKSTORE_PROXIES": hosts,
        "BOOKSTORE_TLS": str(folder),
        "BOOKSTORE_CATALOG_ADMIN": f"http://127.0.0.1:{ports.CATALOG}/admin/",
        "BOOKSTORE_ORDER_ADMIN": f"http://127.0.0.1:{ports.ORDER}/admin/",
        "BOOKSTORE_SECRET_KEY_FILE": f"{folder}/secret-key",
        "BOOKSTORE_SERVICE_TOKEN_FILE": f"{folder}/service-token",
    }
    secrets = [File(name, setting.bundle.texts[name]) for name in ("secret-key", "service-token")]
    password = File("pgpass", f"*:{ports.POSTGRESQL}:*:bookstore:{setting.bundle.password('bookstore')}\n")
    return Part(
        *("store", "the front, the catalog and the orders of this host", "bookstore", folder, data),
        (*setting.certificates(), password, *secrets, File(CACHE_URL, _elected_redis(setting))),
        command=(str(setting.places.python), str(setting.places.checkout / "manage.py"), "cluster"),
        environment=environment,
        after=("bookstore-patroni.service",),
        limits={"MemoryMax": "4G", "LimitNOFILE": "65536", "TasksMax": "1000"},
    )
