"""A store whose nodes speak TLS: what they say to one another, and who else is listened to."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bookstore_project.api import headers
from deploy.hosts import certificates
from deploy.hosts.cluster import Host
from tests import programs
from tests.store import Store
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.processes


def certified(folder: Path, authority: tuple[str, str]) -> ssl.SSLContext:
    """Writes what BOOKSTORE_TLS names, for both addresses of a store; what a caller shows then."""
    folder.mkdir()
    certificate, key = certificates.make_certificate(authority, Host(1, "127.0.0.2"))
    for name, text in (("ca.crt", authority[0]), ("host.crt", certificate), ("host.key", key)):
        (folder / name).write_text(text)
    made = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    made.load_cert_chain(folder / "host.crt", folder / "host.key")
    return made


class EncryptedStore(Store):
    caller: ssl.SSLContext
    """That the nodes listen to."""

    def url(self, node: str) -> str:
        return f"https://{self.addresses[node]}"

    def is_ready(self, node: str) -> bool:
        try:
            return bool(self.ask(node, "/readyz").status == http.client.OK)
        except (OSError, ValueError):
            return False

    def ask(self, node: str, path: str, body: Any = None, **sent: str) -> Any:
        """The answer. Raises HTTPError for a refusal."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url(node)}{path}", data, {"Content-Type": "application/json", **sent}
        )
        return urllib.request.urlopen(request, timeout=PATIENCE_S, context=self.caller)


@pytest.fixture(scope="module")
def authority() -> tuple[str, str]:
    programs.require("openssl", "openssl")
    return certificates.make_authority()


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, prepared: Path, authority: tuple[str, str]
) -> Iterator[EncryptedStore]:
    folder = tmp_path_factory.mktemp("encrypted")
    EncryptedStore.caller = certified(folder / "tls", authority)
    told = {"BOOKSTORE_TLS": str(folder / "tls")}
    with EncryptedStore(folder / "var", environment=told, prepared=prepared) as running:
        yield running


def test_books_are_bought_and_caches_told_over_tls(store: EncryptedStore) -> None:
    """A purchase goes from front to order to catalog, whose invalidation goes to the front."""

    def hit() -> Any:
        answer = store.ask("front", "/product/2")
        return answer if answer.headers[headers.CACHE] == "hit" else None

    version = json.load(wait_for(hit, what="a hit, once the front has its lease"))["version"]
    order = store.ask("front", "/api/v1/orders/", {"book": 2})
    assert order.status == http.client.CREATED
    assert json.load(store.ask("front", "/product/2"))["version"] == version + 1


def test_the_origin_of_a_page_is_what_its_browser_has_spoken_to_the_proxy(store: EncryptedStore) -> None:
    """Plain HTTP, unless the proxy says otherwise."""
    shop = {"Host": "localhost", "Sec-Fetch-Site": "same-origin"}
    order = store.ask("front", "/api/v1/orders/", {"book": 2}, Origin="http://localhost", **shop)
    assert order.status == http.client.CREATED
    with pytest.raises(urllib.error.HTTPError, match="403"):
        store.ask("front", "/api/v1/orders/", {"book": 2}, Origin="https://localhost", **shop)


def test_a_command_reaches_the_nodes(store: EncryptedStore) -> None:
    drained = store.manage("drain", "catalog-2")
    assert drained.returncode == 0, drained.stderr
    assert store.manage("undrain", "catalog-2").returncode == 0


@pytest.mark.parametrize("node", ["front", "catalog-1", "order-2"])
@pytest.mark.parametrize("who", ["shows nothing", "is of another authority", "speaks plain HTTP"])
def test_nobody_else_is_listened_to(store: EncryptedStore, node: str, who: str, tmp_path: Path) -> None:
    stranger = ssl.create_default_context(cafile=store.environment["BOOKSTORE_TLS"] + "/ca.crt")
    if who == "is of another authority":
        certified(tmp_path / "theirs", certificates.make_authority())
        stranger.load_cert_chain(tmp_path / "theirs/host.crt", tmp_path / "theirs/host.key")
    url = f"{store.url(node)}/healthz"
    if who == "speaks plain HTTP":
        url = url.replace("https", "http")
    with pytest.raises((OSError, http.client.HTTPException)) as refused:
        urllib.request.urlopen(url, timeout=PATIENCE_S, context=stranger)
    assert not isinstance(refused.value, urllib.error.HTTPError)


def test_a_folder_that_lacks_something_is_refused_in_words(tmp_path: Path, store: EncryptedStore) -> None:
    environment = {**store.environment, "BOOKSTORE_TLS": str(tmp_path)}
    other = Store(tmp_path / "var", environment=environment)
    done = other.manage("check")
    assert done.returncode != 0
    assert "ca.crt, host.crt, host.key isn't there" in done.stderr
