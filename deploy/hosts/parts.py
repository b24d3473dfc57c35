"""What a host runs, with its whole configuration: the same for systemd and for processes of a test.

Each part has a user, a folder of configuration and one of data, which nobody else may enter, and one command.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from deploy.hosts import cluster as ports
from deploy.hosts.cluster import Cluster, Host
from deploy.hosts.joining import JOINED
from deploy.hosts.secret_bundle import PASSWORDS, Bundle

TEMPLATES = Path(__file__).parent / "templates"
BINARIES = Path("/usr/lib/postgresql/15/bin")
OPERATOR = "operator"
"""The part that runs nothing: what `status` and `patronictl` show the other hosts."""


@dataclass(frozen=True)
class Places:
    """Where things are on a host."""

    checkout: Path = Path("/opt/bookstore")
    python: Path = Path("/opt/bookstore/.venv/bin/python")
    configuration: Path = Path("/etc/bookstore")
    data: Path = Path("/var/lib/bookstore")

    @property
    def bundle(self) -> Path:
        return self.configuration / "secrets.tar.gz"


@dataclass(frozen=True)
class File:
    """A file of a part, of its user's own."""

    name: str
    text: str
    is_rewritten: bool = False
    """By the program itself: then what stands there counts until we give another text."""


@dataclass(frozen=True)
class Part:
    """One program, or what people need to ask the others (no command)."""

    name: str
    description: str
    user: str
    folder: Path
    data: Path
    files: tuple[File, ...]
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    capability: str = ""
    """That it needs and its user lacks, as man 7 capabilities names it, without CAP_."""
    later_environments: tuple[str, ...] = ("environment.local",)
    """Files of its folder that may be missing: what they say counts more than its environment."""
    is_reloaded: bool = False
    """SIGHUP makes it read its files again, connections stay."""

    @property
    def unit(self) -> str:
        return f"bookstore-{self.name}.service"

    def all_files(self) -> tuple[File, ...]:
        """With its environment, as systemd reads it (man 5 systemd.exec)."""
        lines = [f'{name}="{value}"\n' for name, value in sorted(self.environment.items())]
        return (*self.files, File("environment", "".join(lines)))

    def all_environment(self) -> dict[str, str]:
        """What its unit is given, by the files as they are now."""
        given: dict[str, str] = {}
        for path in (self.folder / name for name in ("environment", *self.later_environments)):
            lines = path.read_text().splitlines() if path.exists() else []
            given |= {key: value.strip('"') for key, found, value in (line.partition("=") for line in lines) if found}
        return given


@dataclass(frozen=True)
class Setting:
    """Of whom, and for where."""

    host: Host
    cluster: Cluster
    bundle: Bundle
    places: Places
    memory_mb: int

    def folder(self, name: str) -> Path:
        return self.places.configuration / name

    def data(self, name: str) -> Path:
        return self.places.data / name

    def certificates(self) -> tuple[File, ...]:
        certificate, key = self.bundle.certificate(self.host)
        return File("ca.crt", self.bundle.authority[0]), File("host.crt", certificate), File("host.key", key)

    def fill(self, template: str, part: str, **values: object) -> str:
        """That template's text, with what each of them may name and `values`."""
        common = {f"password_{name}": self.bundle.password(name) for name in PASSWORDS}
        numbers = {name.lower(): value for name, value in vars(ports).items() if isinstance(value, int)}
        return Template((TEMPLATES / template).read_text()).substitute(
            {
                **common,
                **numbers,
                "name": self.host.name,
                "address": self.host.address,
                "folder": self.folder(part),
                "data": self.data(part),
                **values,
            }
        )


def render(setting: Setting) -> tuple[Part, ...]:
    """All parts of this host, in the order in which they are started."""
    with_rows = (etcd_leader, patroni, redis) if setting.host.has_rows else ()
    with_store = (store, haproxy) if setting.host.has_rows else (takeover,)
    makers: tuple[Callable[[Setting], Part], ...] = (operator, etcd, *with_rows, sentinel, *with_store)
    return tuple(make(setting) for make in makers)


def operator(setting: Setting) -> Part:
    folder = setting.folder(OPERATOR)
    lines = [
        "scope: bookstore",
        f"etcd3: {{hosts: '{_etcd_clients(setting.cluster)}', protocol: https, cacert: {folder}/ca.crt, "
        f"cert: {folder}/host.crt, key: {folder}/host.key}}",
        f"ctl: {{cacert: {folder}/ca.crt, certfile: {folder}/host.crt, keyfile: {folder}/host.key, "
        f"authentication: {{username: patroni, password: '{setting.bundle.password('patroni')}'}}}}",
    ]
    passwords = [File(name, setting.bundle.password(name)) for name in ("redis", "sentinel")]
    files = (*setting.certificates(), File("patronictl.yml", "\n".join(lines) + "\n"), *passwords)
    about = "what operators ask with"
    return Part(OPERATOR, about, "root", folder, setting.data(OPERATOR), files, packages=("openssl", "python3-venv"))


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
    folder = setting.folder("etcd-leader")
    named = ("--host", str(setting.host.number), "--hosts", setting.cluster.addresses, "--certificates", str(folder))
    return Part(
        *("etcd-leader", "keeps etcd's leader away from the primary", "etcd", folder, setting.data("etcd-leader")),
        setting.certificates(),
        command=(str(setting.places.python), "-m", "deploy.hosts", "lead", *named),
        environment={"PYTHONPATH": str(setting.places.checkout), "PYTHONDONTWRITEBYTECODE": "1"},
        after=("bookstore-etcd.service",),
        limits={"MemoryMax": "128M", "TasksMax": "20"},
    )


def takeover(setting: Setting) -> Part:
    folder = setting.folder("takeover")
    named = ("--hosts", setting.cluster.addresses, "--certificates", str(folder))
    return Part(
        *("takeover", "has the standby take over from a host that is gone", "etcd", folder, setting.data("takeover")),
        setting.certificates(),
        command=(str(setting.places.python), "-m", "deploy.hosts", "hasten", *named),
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
        etcd_clients=_etcd_clients(setting.cluster),
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
    servers = [
        f"  server front-{host.number} {host.address}:{ports.FRONT} check" for host in setting.cluster.with_rows
    ]
    folder = setting.folder("haproxy")
    return Part(
        *("haproxy", "HAProxy before the fronts of both hosts", "haproxy", folder, setting.data("haproxy")),
        (File("haproxy.cfg", setting.fill("haproxy.cfg", "haproxy", servers="\n".join(servers))),),
        command=("/usr/sbin/haproxy", "-db", "-f", str(folder / "haproxy.cfg")),
        packages=("haproxy",),
        limits={"MemoryMax": "256M", "LimitNOFILE": "16384", "TasksMax": "100"},
        capability="NET_BIND_SERVICE",
    )


def store(setting: Setting) -> Part:
    folder, data, rows = setting.folder("store"), setting.data("store"), setting.cluster.with_rows
    hosts = ",".join(host.address for host in rows)
    servers = ",".join(host.address for host in nearest_first(setting.host, setting.cluster))
    url = (
        f"postgresql://bookstore@{servers}/?sslmode=verify-full&sslrootcert={folder}/ca.crt&passfile={folder}/pgpass"
    )
    environment = {
        "BOOKSTORE_DATABASE_URL": url,
        "BOOKSTORE_DATA": str(data),
        "BOOKSTORE_HOSTS": hosts,
        "BOOKSTORE_HOST": str(setting.host.number),
        "BOOKSTORE_FRONTS": ",".join(f"{host.address}:{ports.FRONT}" for host in rows),
        "BOOKSTORE_PROXIES": hosts,
        "BOOKSTORE_SECRET_KEY_FILE": f"{folder}/secret-key",
        "BOOKSTORE_SERVICE_TOKEN_FILE": f"{folder}/service-token",
    }
    secrets = [File(name, setting.bundle.texts[name]) for name in ("secret-key", "service-token")]
    password = File("pgpass", f"*:{ports.POSTGRESQL}:*:bookstore:{setting.bundle.password('bookstore')}\n")
    return Part(
        *("store", "the front, the catalog and the orders of this host", "bookstore", folder, data),
        (File("ca.crt", setting.bundle.authority[0]), password, *secrets),
        command=(str(setting.places.python), str(setting.places.checkout / "manage.py"), "cluster"),
        environment=environment,
        after=("bookstore-patroni.service",),
        limits={"MemoryMax": "4G", "LimitNOFILE": "65536", "TasksMax": "1000"},
    )


def nearest_first(host: Host, cluster: Cluster) -> tuple[Host, ...]:
    """The hosts with rows, its own before: once the other one is lost, nobody asks there first."""
    return tuple(sorted(cluster.with_rows, key=lambda other: other != host))


def _etcd_clients(cluster: Cluster) -> str:
    return ",".join(f"{host.address}:{ports.ETCD}" for host in cluster.hosts)


def unit(part: Part, places: Places) -> str:
    """The text of its systemd unit (man 5 systemd.service, systemd.exec, systemd.resource-control)."""
    limits = [f"{name}={value}" for name, value in sorted(part.limits.items())]
    if part.capability:
        limits.append(f"AmbientCapabilities=CAP_{part.capability}")
    return Template((TEMPLATES / "unit.service").read_text()).substitute(
        description=part.description,
        checkout=places.checkout,
        after=" ".join(part.after),
        user=part.user,
        folder=part.folder,
        data=part.data,
        command=" ".join(part.command),
        environments="\n".join(f"EnvironmentFile=-{part.folder}/{name}" for name in part.later_environments),
        reload="ExecReload=/bin/kill -HUP $MAINPID" if part.is_reloaded else "",
        limits="\n".join(limits),
    )
