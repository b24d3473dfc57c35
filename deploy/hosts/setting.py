"""Of which host parts are, of which cluster, with which secrets, and where on it."""

from dataclasses import dataclass
from pathlib import Path
from string import Template

from deploy.hosts import cluster as ports
from deploy.hosts.cluster import Cluster, Host
from deploy.hosts.parts import TEMPLATES, File, Places
from deploy.hosts.secret_bundle import PASSWORDS, Bundle


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

    @property
    def etcd_clients(self) -> str:
        """Where all members answer."""
        return ",".join(f"{host.address}:{ports.ETCD}" for host in self.cluster.hosts)
