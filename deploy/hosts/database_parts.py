"""PostgreSQL, led by Patroni, and etcd, which decides for it."""

from pathlib import Path

from deploy.hosts import cluster as ports
from deploy.hosts.joining import JOINED
from deploy.hosts.parts import File, Part
from deploy.hosts.setting import Setting
from deploy.hosts.waking import PASSWORD

BINARIES = Path("/usr/lib/postgresql/15/bin")


def etcd(setting: Setting) -> Part:
    folder, data, address = setting.folder("etcd"), setting.data("etcd"), setting.host.address
    peers, clients = f"https://{address}:{ports.ETCD_PEERS}", f"https://{address}:{ports.ETCD}"
    security = {
        f"ETCD_{prefix}{name}": value
        for prefix in ("", "PEER_")
        for name, value in {
            "CERT_FILE": f"{folder}/host.crt",
            "KEY_FILE": f"{folder}/host.key",
            "TRUSTED_CA_FILE": f"{folder}/ca.crt",
            "CLIENT_CERT_AUTH": "true",
        }.items()
    }
    environment = {
        "ETCD_NAME": setting.host.name,
        "ETCD_DATA_DIR": f"{data}/members",
        "ETCD_LISTEN_PEER_URLS": peers,
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": peers,
        "ETCD_LISTEN_CLIENT_URLS": clients,
        "ETCD_ADVERTISE_CLIENT_URLS": clients,
        "ETCD_INITIAL_CLUSTER": ",".join(
            f"{host.name}=https://{host.address}:{ports.ETCD_PEERS}" for host in setting.cluster.hosts
        ),
        "ETCD_INITIAL_CLUSTER_TOKEN": "bookstore",
        "ETCD_AUTO_COMPACTION_MODE": "periodic",
        "ETCD_AUTO_COMPACTION_RETENTION": "1h",
        "ETCD_LOGGER": "zap",
        "ETCD_LOG_LEVEL": "warn",
        **security,
    }
    return Part(
        *("etcd", "etcd, whose majority decides who is the primary", "etcd", folder, data, setting.certificates()),
        command=("/usr/bin/etcd",),
        environment=environment,
        packages=("etcd-server",),
        limits={"MemoryMax": "512M", "LimitNOFILE": "65536", "CPUWeight": "300", "OOMScoreAdjust": "-900"},
        later_environments=(JOINED, "environment.local"),
    )


def etcd_leader(setting: Setting) -> Part:
    about = "keeps etcd's leader away from the primary"
    return _helper(setting, "etcd-leader", about, "lead", "--host", str(setting.host.number))


def takeover(setting: Setting) -> Part:
    about = "has the standby take over from a host that is gone, or whose certificate is about to end"
    return _helper(setting, "takeover", about, "hasten", secrets=_password_of_patroni(setting))


def waking(setting: Setting) -> Part:
    about = "has Patroni look at once when its PostgreSQL or a standby's connection ends"
    data = setting.data("patroni") / "postgresql"
    action = ("wake", "--host", str(setting.host.number), "--data", str(data))
    return _helper(setting, "waking", about, *action, secrets=_password_of_patroni(setting))


def _password_of_patroni(setting: Setting) -> tuple[File, ...]:
    return (File(PASSWORD, setting.bundle.password("patroni")),)


def _helper(setting: Setting, name: str, about: str, *action: str, secrets: tuple[File, ...] = ()) -> Part:
    """What runs this package's own code beside etcd. `action`: of `python -m deploy.hosts`."""
    folder = setting.folder(name)
    named = ("--hosts", setting.cluster.addresses, "--certificates", str(folder))
    return Part(
        *(name, about, "etcd", folder, setting.data(name), (*setting.certificates(), *secrets)),
        command=(str(setting.places.python), "-m", "deploy.hosts", *action, *named),
        environment={"PYTHONPATH": str(setting.places.checkout), "PYTHONDONTWRITEBYTECODE": "1"},
        after=("bookstore-etcd.service",),
        limits={"MemoryMax": "128M", "TasksMax": "20"},
    )


def patroni(setting: Setting) -> Part:
    folder, data = setting.folder("patroni"), setting.data("patroni")
    hba = [
        f"    - hostssl {database} {role} {host.address}/32 scram-sha-256"
        for database, role in (("replication", "replicator"), ("postgres", "rewinder"), ("all", "bookstore"))
        for host in setting.cluster.with_rows
    ]
    configuration = setting.fill(
        "patroni.yml",
        "patroni",
        etcd_clients=setting.etcd_clients,
        binaries=BINARIES,
        psql=BINARIES / "psql",
        hba="\n".join(hba),
        shared_buffers_mb=min(4096, max(64, setting.memory_mb // 8)),
    )
    roles = File("roles.sql", setting.fill("roles.sql", "patroni"))
    return Part(
        *("patroni", "PostgreSQL, led by Patroni", "postgres", folder, data),
        (*setting.certificates(), File("patroni.yml", configuration), roles),
        command=(str(setting.places.python), "-m", "patroni", str(folder / "patroni.yml")),
        environment={"LC_ALL": "C.UTF-8"},
        packages=("postgresql-15",),
        after=("bookstore-etcd.service",),
        limits={"LimitNOFILE": "65536", "TasksMax": "1000", "CPUWeight": "200", "OOMScoreAdjust": "-800"},
        is_reloaded=True,
    )
