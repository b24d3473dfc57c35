"""`python -m deploy.hosts`: what `make host` does, and those of its targets that begin with `host-`."""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from deploy.hosts import hastening, host, leading, secret_bundle, upgrading, waking
from deploy.hosts.asking import Asker
from deploy.hosts.carrying_out import managing, memory_mb
from deploy.hosts.cluster import Refused, parse_hosts
from deploy.hosts.parts import Places
from deploy.hosts.rendering import OPERATOR, render
from deploy.hosts.setting import Setting
from deploy.hosts.upgrading import StoreOfUnit

ROOT = Path(__file__).resolve().parents[2]
PLACES = Places(ROOT, ROOT / ".venv" / "bin" / "python")


def main(arguments: list[str]) -> int:
    """The exit status: 0 if all is well, 1 if something isn't, 2 if what was asked for can't be done."""
    options = parser().parse_args(arguments)
    try:
        if os.geteuid() != 0 and options.run not in (lead, hasten, wake):
            raise Refused("Only root may read the hosts' secrets: sudo make …")
        return int(options.run(options))
    except Refused as error:
        sys.stderr.write(f"{error}\n")
        return 2


def make(options: argparse.Namespace) -> int:
    cluster = parse_hosts(options.hosts)
    host.make(cluster.host(options.host), cluster, PLACES, options.secrets, say)
    say(f"Secrets for the other hosts: {PLACES.bundle}")
    return 0


def upgrade(options: argparse.Namespace) -> int:
    bundle = secret_bundle.read(PLACES.bundle)
    cluster = parse_hosts(bundle.texts["hosts"])
    own = host.this_one(cluster)
    again = (
        sys.executable,
        "-B",
        "-m",
        "deploy.hosts",
        "make",
        "--host",
        str(own.number),
        "--hosts",
        cluster.addresses,
    )
    parts = render(Setting(own, cluster, bundle, PLACES, memory_mb()))
    store = StoreOfUnit(parts, PLACES, options.version, again)
    store.require_version()
    if own.has_rows:
        upgrading.upgrade(own, cluster, Asker(PLACES.configuration / OPERATOR), store, say)
    else:
        store.renew()
    return 0


def status(options: argparse.Namespace) -> int:
    bundle = secret_bundle.read(PLACES.bundle)
    return 0 if host.tell_status(parse_hosts(bundle.texts["hosts"]), PLACES, say) else 1


def renew(options: argparse.Namespace) -> int:
    bundle = secret_bundle.read(PLACES.bundle)
    cluster = parse_hosts(bundle.texts["hosts"])
    if options.what == "certificates":
        new = secret_bundle.renew_certificates(bundle, cluster)
    elif options.what == "secret-key":
        new = secret_bundle.take_secret_key(bundle, PLACES.configuration / "store" / "secret-key")
    else:
        new = secret_bundle.renew_passwords(bundle)
    secret_bundle.write(new, PLACES.bundle)
    say(f"{PLACES.bundle} has new {options.what}. Copy it to each host, and call `make host` with SECRETS there.")
    return 0


def manage(options: argparse.Namespace) -> int:
    bundle = secret_bundle.read(PLACES.bundle)
    cluster = parse_hosts(bundle.texts["hosts"])
    parts = render(Setting(host.this_one(cluster), cluster, bundle, PLACES, memory_mb()))
    store = next((part for part in parts if part.name == "store"), None)
    if store is None:
        raise Refused("The third host has no nodes of the store: call this on one of the other two.")
    called, given = managing(store, shlex.split(options.command))
    return subprocess.run(called, check=False, env=given).returncode  # noqa: S603  # Ours, and the operator's.


def lead(options: argparse.Namespace) -> int:
    cluster = parse_hosts(options.hosts)
    leading.keep(cluster.host(options.host), cluster, options.certificates, say)
    return 0


def hasten(options: argparse.Namespace) -> int:
    hastening.keep(parse_hosts(options.hosts), options.certificates, say)
    return 0


def wake(options: argparse.Namespace) -> int:
    own = parse_hosts(options.hosts).host(options.host)
    waking.keep(own, options.data, options.certificates, say)
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m deploy.hosts", description="Three hosts for one store.")
    actions = made.add_subparsers(required=True)
    one = actions.add_parser("make", help="make this machine one of the hosts; may be called again")
    one.add_argument("--host", type=int, required=True, help="1, 2, or 3, which has a vote only")
    one.add_argument("--hosts", required=True, help="three addresses, separated by commas")
    one.add_argument("--secrets", type=Path, help="the file that the first host has made")
    one.set_defaults(run=make)
    newer = actions.add_parser(
        "upgrade", help="give the store's nodes of this host other code, while the other host serves"
    )
    newer.add_argument("version", help="a tag, a commit, or a branch as origin/main")
    newer.set_defaults(run=upgrade)
    asked = actions.add_parser("status", help="say what is well and what isn't")
    asked.set_defaults(run=status)
    renewed = actions.add_parser(
        "renew",
        help="new certificates or passwords, or the secret key that was restored here, in the file of secrets",
    )
    renewed.add_argument("what", choices=("certificates", "passwords", "secret-key"))
    renewed.set_defaults(run=renew)
    managed = actions.add_parser(
        "manage", help="a command of the store's, as manage.py knows them, with its settings"
    )
    managed.add_argument("command", help='such as "audit", or "backup /var/lib/bookstore/store/monday.tar"')
    managed.set_defaults(run=manage)
    _add_helpers(actions)
    return made


def _add_helpers(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """What units run."""
    led = actions.add_parser("lead", help="keep etcd's leader on the third host")
    led.add_argument("--host", type=int, required=True)
    led.add_argument("--hosts", required=True)
    led.add_argument("--certificates", type=Path, required=True, help="the folder with ca.crt, host.crt and host.key")
    led.set_defaults(run=lead)
    hastened = actions.add_parser("hasten", help="have the standby take over from a host that is gone")
    hastened.add_argument("--hosts", required=True)
    hastened.add_argument("--certificates", type=Path, required=True, help="as above")
    hastened.set_defaults(run=hasten)
    woken = actions.add_parser("wake", help="have Patroni look when a process of PostgreSQL ends")
    woken.add_argument("--host", type=int, required=True)
    woken.add_argument("--hosts", required=True)
    woken.add_argument("--data", type=Path, required=True, help="the folder with PostgreSQL's rows")
    woken.add_argument("--certificates", type=Path, required=True, help="as above, with Patroni's password")
    woken.set_defaults(run=wake)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
