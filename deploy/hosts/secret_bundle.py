"""What the hosts share and nobody else may know: made once, and carried from host to host in one file.

The file is a tar.gz of mode 0600 with one small text a secret. It also says whose secrets they are: the addresses.
"""

import io
import os
import secrets
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.hosts import certificates
from deploy.hosts.cluster import Cluster, Host, Refused

PASSWORDS = ("postgres", "replicator", "rewinder", "bookstore", "patroni", "redis", "sentinel")
"""Of roles in PostgreSQL, of Patroni's REST API, of Redis and of Sentinel."""
OF_THE_STORE = ("secret-key", "service-token")
MOST_BYTES = 1 << 20
SHORTEST_KEY = 32
"""Characters: with fewer, no node of the store starts."""


@dataclass(frozen=True)
class Bundle:
    """Texts by their names."""

    texts: Mapping[str, str]

    def password(self, of: str) -> str:
        return self.texts[f"password-{of}"]

    @property
    def authority(self) -> tuple[str, str]:
        return self.texts["ca.crt"], self.texts["ca.key"]

    def certificate(self, host: Host) -> tuple[str, str]:
        return self.texts[f"{host.name}.crt"], self.texts[f"{host.name}.key"]

    def require(self, cluster: Cluster) -> None:
        """Raises Refused if it was made for other hosts."""
        made_for = self.texts["hosts"].strip()
        if made_for != cluster.addresses:
            raise Refused(f"These secrets were made for HOSTS={made_for}, not for HOSTS={cluster.addresses}.")


def make(cluster: Cluster) -> Bundle:
    """All secrets anew."""
    texts = {"hosts": cluster.addresses}
    texts |= {f"password-{name}": secrets.token_urlsafe(24) for name in PASSWORDS}
    texts |= {name: secrets.token_urlsafe(48) for name in OF_THE_STORE}
    texts["ca.crt"], texts["ca.key"] = certificates.make_authority()
    return renew_certificates(Bundle(texts), cluster)


def renew_certificates(bundle: Bundle, cluster: Cluster) -> Bundle:
    """The same with a new certificate for each host, by the same authority: old and new ones trust one another."""
    texts = dict(bundle.texts)
    for host in cluster.hosts:
        texts[f"{host.name}.crt"], texts[f"{host.name}.key"] = certificates.make_certificate(bundle.authority, host)
    return Bundle(texts)


def renew_passwords(bundle: Bundle) -> Bundle:
    """The same with other passwords."""
    return Bundle({**bundle.texts, **{f"password-{name}": secrets.token_urlsafe(24) for name in PASSWORDS}})


def take_secret_key(bundle: Bundle, kept: Path) -> Bundle:
    """The same with the store's secret key that is in that file, as a restore has left it.

    Raises Refused if it isn't there, or if no store would take it.
    """
    try:
        # The folder is the store's own: a link in it may lead to what only root may read.
        descriptor = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            key = (file.read(MOST_BYTES) or b"").decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"There is no secret key of a store here: {error}") from error
    if len(key.strip()) < SHORTEST_KEY:
        raise Refused(f"{kept} holds no secret key of at least {SHORTEST_KEY} characters.")
    return Bundle({**bundle.texts, "secret-key": key})


def write(bundle: Bundle, path: Path) -> None:
    """For its owner alone, whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, text in sorted(bundle.texts.items()):
            content = text.encode()
            about = tarfile.TarInfo(name)
            about.mode, about.size = 0o600, len(content)
            archive.addfile(about, io.BytesIO(content))
    draft.replace(path)


def read(path: Path) -> Bundle:
    """Raises Refused if it isn't there, if others may read it, or if something is missing in it."""
    try:
        mode = path.stat().st_mode
        if mode & 0o077:
            raise Refused(f"{path} is open to others (mode {mode & 0o777:04o}): chmod 600 {path}")
        with tarfile.open(path, mode="r:gz") as archive:
            texts = {member.name: _text(archive, member) for member in archive.getmembers()}
    except (OSError, tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read as a bundle of secrets: {error}") from error
    bundle = Bundle(texts)
    if missing := _names() - texts.keys():
        raise Refused(f"{path} lacks {', '.join(sorted(missing))}.")
    return bundle


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    return file.read(MOST_BYTES).decode() if file is not None else ""


def _names() -> set[str]:
    certified = {f"host{number}.{kind}" for number in (1, 2, 3) for kind in ("crt", "key")}
    return {"hosts", "ca.crt", "ca.key", *certified, *OF_THE_STORE, *(f"password-{name}" for name in PASSWORDS)}
