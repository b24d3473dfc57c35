"""What three hosts in namespaces need of the machine."""

import os
import shutil
import subprocess

from tests.on_postgresql import PACKAGE, program

PROGRAMS = {
    "etcd": "etcd-server",
    "haproxy": "haproxy",
    "redis-server": "redis-server",
    "openssl": "openssl",
    "ip": "iproute2",
    "nsenter": "util-linux",
}


def missing() -> str:
    """In words; empty if nothing is."""
    if os.geteuid() != 0:
        return "only root can make namespaces with users of their own in them"
    packages = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if program("postgres") is None:
        packages.append(PACKAGE)
    if packages:
        return f"this needs packages: apt-get install {' '.join(packages)}"
    tried = subprocess.run(
        ["unshare", "--net", "--pid", "--mount", "--fork", "true"], check=False, capture_output=True
    )
    return "" if tried.returncode == 0 else f"this machine allows no namespaces: {tried.stderr.decode().strip()}"
