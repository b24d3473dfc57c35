"""What is asked of hosts over TLS, and why there is no answer."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deploy.hosts import certificates
from deploy.hosts import cluster as ports
from deploy.hosts import host as installing
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host
from deploy.hosts.secret_bundle import Bundle
from tests.actors import Actor


@pytest.fixture
def asker(bundle: Bundle, cluster: Cluster, tmp_path: Path) -> Asker:
    """Of host 2, whose certificate holds."""
    return Asker(_folder(tmp_path / "two", bundle, bundle.certificate(cluster.host(2))))


def _folder(folder: Path, bundle: Bundle, shown: tuple[str, str]) -> Path:
    folder.mkdir()
    for name, text in zip(("ca.crt", "host.crt", "host.key"), (bundle.authority[0], *shown), strict=True):
        (folder / name).write_text(text)
    return folder


@contextmanager
def listening(folder: Path) -> Iterator[int]:
    """Somebody who shows that folder's certificate once; the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "host.crt", folder / "host.key")

    def show() -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True):
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        shown = Actor(show)
        yield int(listener.getsockname()[1])
        shown.result()


@pytest.mark.parametrize("days", [-1, 1])
def test_it_is_known_of_a_host_that_its_certificate_has_expired(
    days: int, asker: Asker, bundle: Bundle, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = certificates.make_certificate(bundle.authority, cluster.host(1), days)
    folder, here = _folder(tmp_path / "one", bundle, shown), Host(1, "127.0.0.1")
    with listening(folder) as port, pytest.raises(Unanswered) as told:
        asker.ask(here.address, port, "/health")
    assert told.value.has_expired == (days < 0)
    with listening(folder) as port:
        monkeypatch.setattr(ports, "ETCD_PEERS", port)
        assert installing._has_expired(here, asker) == (days < 0)


def test_nobody_there_has_not_expired(asker: Asker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unanswered) as told:
        asker.ask("127.0.0.1", port, "/health")
    assert not told.value.has_expired
