"""What each of the three hosts runs."""

from collections.abc import Callable

from deploy.hosts.database_parts import etcd, etcd_leader, patroni, takeover, waking
from deploy.hosts.parts import File, Part
from deploy.hosts.setting import Setting
from deploy.hosts.shop_parts import haproxy, redis, sentinel, store

OPERATOR = "operator"
"""The part that runs nothing: what `status` and `patronictl` show the other hosts."""


def render(setting: Setting) -> tuple[Part, ...]:
    """All parts of this host, in the order in which they are started."""
    with_rows = (etcd_leader, patroni, waking, redis) if setting.host.has_rows else ()
    with_store = (store, haproxy) if setting.host.has_rows else (takeover,)
    makers: tuple[Callable[[Setting], Part], ...] = (operator, etcd, *with_rows, sentinel, *with_store)
    return tuple(make(setting) for make in makers)


def operator(setting: Setting) -> Part:
    folder = setting.folder(OPERATOR)
    lines = [
        "scope: bookstore",
        f"etcd3: {{hosts: '{setting.etcd_clients}', protocol: https, cacert: {folder}/ca.crt, "
        f"cert: {folder}/host.crt, key: {folder}/host.key}}",
        f"ctl: {{cacert: {folder}/ca.crt, certfile: {folder}/host.crt, keyfile: {folder}/host.key, "
        f"authentication: {{username: patroni, password: '{setting.bundle.password('patroni')}'}}}}",
    ]
    passwords = [File(name, setting.bundle.password(name)) for name in ("redis", "sentinel")]
    files = (*setting.certificates(), File("patronictl.yml", "\n".join(lines) + "\n"), *passwords)
    about = "what operators ask with"
    return Part(OPERATOR, about, "root", folder, setting.data(OPERATOR), files, packages=("openssl", "python3-venv"))
