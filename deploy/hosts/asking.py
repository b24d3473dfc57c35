"""What hosts say of themselves, asked over TLS with this host's certificate."""

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from deploy.hosts import cluster as ports
from deploy.hosts.cluster import Cluster, Host

TIMEOUT_S = 3.0
NO_HEADERS: Mapping[str, str] = {}
CERT_HAS_EXPIRED = 10
NOT_AGREED = ("3.0.0", "not_decided")
"""What etcd calls the version of all members until it has met each of them (server/etcdserver, MinClusterVersion)."""


@dataclass(frozen=True)
class Answer:
    status: int
    content: Any
    """What the JSON says; None for another body."""
    clock: datetime | None
    """When it was there."""
    certificate_ends: datetime | None


class Unanswered(Exception):
    """Nothing came, or not from one of the hosts."""

    @property
    def has_expired(self) -> bool:
        """Whether somebody was there, and showed a certificate that holds no more."""
        return has_expired(self.__cause__)


def has_expired(error: BaseException | None) -> bool:
    """As OpenSSL says it of the other side's certificate (X509_V_ERR_CERT_HAS_EXPIRED of x509_vfy.h)."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == CERT_HAS_EXPIRED


class Asker:
    """Asks as the host whose certificate is in the folder. Raises OSError if it can't be read."""

    def __init__(self, folder: Path) -> None:
        self.context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self.context.load_cert_chain(folder / "host.crt", folder / "host.key")
        self.folder = folder

    def ask(self, address: str, port: int, path: str, body: object = None) -> Answer:
        """GET, or POST with that as JSON. Raises Unanswered."""
        return self._answer(address, port, "POST" if body is not None else "GET", path, body)

    def change(
        self, address: str, port: int, path: str, body: object, user: str, password: str, method: str = "PATCH"
    ) -> Answer:
        """With that as JSON, as somebody with a password (RFC 7617). Raises Unanswered."""
        shown = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self._answer(address, port, method, path, body, {"Authorization": f"Basic {shown}"})

    def _answer(
        self,
        address: str,
        port: int,
        method: str,
        path: str,
        body: object,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        connection = http.client.HTTPSConnection(address, port, timeout=TIMEOUT_S, context=self.context)
        try:
            connection.request(method, path, _as_json(body), dict(headers))
            seen = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
            response = connection.getresponse()
            return Answer(response.status, _from_json(response.read()), _clock(response), _end(seen))
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{address}:{port}: {error}") from error
        finally:
            connection.close()

    def connect(self, address: str, port: int) -> ssl.SSLSocket:
        """For another protocol. Raises OSError."""
        plain = socket.create_connection((address, port), TIMEOUT_S)
        try:
            return self.context.wrap_socket(plain, server_hostname=address)
        except OSError:
            plain.close()
            raise

    def node_is_ready(self, host: Host, port: int) -> bool:
        """By its own account."""
        try:
            return self.ask(host.address, port, "/readyz").status == http.HTTPStatus.OK
        except Unanswered:
            return False

    def patroni_answers(self, host: Host) -> bool:
        """Whatever it says of its PostgreSQL."""
        try:
            self.ask(host.address, ports.PATRONI, "/liveness")
        except Unanswered:
            return False
        return True

    def etcd_is_well(self, host: Host) -> Answer:
        """Raises Unanswered; the status is 200 if that member has a leader, and so a majority."""
        return self.ask(host.address, ports.ETCD, "/health")

    def etcd_has_met_all(self, host: Host) -> bool:
        """Whether each member has been there once. Before, etcd answers as its oldest version, which Patroni refuses.

        Raises Unanswered.
        """
        content = self.ask(host.address, ports.ETCD, "/version").content
        return isinstance(content, dict) and content.get("etcdcluster") not in NOT_AGREED

    def etcd_members(self, host: Host) -> list[dict[str, Any]]:
        """Raises Unanswered, also if there is no majority."""
        answer = self.ask(host.address, ports.ETCD, "/v3/cluster/member/list", {})
        if answer.status != http.HTTPStatus.OK:
            raise Unanswered(f"{host.address}: {answer.content}")
        return list(answer.content["members"])

    def copies(self, cluster: Cluster) -> list[dict[str, Any]]:
        """PostgreSQL's, as Patroni has them in etcd: name, role, state, timeline, lag. Raises Unanswered."""
        for host in cluster.with_rows:
            try:
                answer = self.ask(host.address, ports.PATRONI, "/cluster")
            except Unanswered as error:
                last = error
                continue
            return list(answer.content["members"])
        raise last


def speaks_without_tls(host: Host, port: int) -> bool:
    """Whether somebody answers there by plain HTTP, as nodes of code from before TLS."""
    connection = http.client.HTTPConnection(host.address, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _as_json(body: object) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _from_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _clock(response: http.client.HTTPResponse) -> datetime | None:
    said = response.getheader("Date")
    return parsedate_to_datetime(said) if said else None


def _end(certificate: dict[str, Any] | None) -> datetime | None:
    if not certificate or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
