"""What is asked of hosts over TLS, and why there is no answer."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest

from deploy.hosts import certificates
from deploy.hosts import cluster as ports
from deploy.hosts import host as installing
from deploy.hosts.asking import Asker, Unanswered
from deploy.hosts.cluster import Cluster, Host, Refused
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


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""])
def test_a_host_whose_nodes_speak_without_tls_is_not_joined_by_one_whose_nodes_speak_it(
    answer: bytes, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(ports, "FRONT", listener.getsockname()[1])
        other = Cluster((Host(1, "127.0.0.1"), *cluster.hosts[1:]))

        def speak() -> None:
            with listener.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(answer)

        spoken = Actor(speak)
        words = r"host1 speak without TLS.* `systemctl stop bookstore-store`"
        with pytest.raises(Refused, match=words) if answer else nullcontext():
            installing.require_one_language(other.host(2), other)
        spoken.result()
        installing.require_one_language(other.host(3), other)


def test_nobody_there_has_not_expired(asker: Asker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unanswered) as told:
        asker.ask("127.0.0.1", port, "/health")
    assert not told.value.has_expired
