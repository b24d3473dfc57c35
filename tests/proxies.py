"""A real nginx or Caddy of a test's own, before a store, with the configuration that the documentation shows."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from abc import ABC, abstractmethod
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests import programs
from tests.answers import Answer
from tests.ports import free_ports
from tests.store import ROOT
from tests.waiting import PATIENCE_S, wait_for

PAGE = ROOT / "docs" / "shop.md"
NAME = "shop.example"
HOST = "127.0.0.1"
MOVED = (301, 308)
"""To HTTPS, for good."""


def example(language: str) -> str:
    """The block of that language on the page for the shop."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


class Proxy(ABC):
    """A context manager: it answers inside, over HTTP and over HTTPS with a certificate of its own making."""

    program = ""

    def __init__(self, front: str) -> None:
        """`front`: the address of the store's front."""
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.program}-"))
        self.http, self.https = free_ports(2, HOST)
        self.front = front
        self.cookies: list[str] = []
        """That the last answer set."""
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def begin(self, program: str) -> subprocess.Popen[bytes]:
        """Writes what it needs, and starts it."""

    @property
    @abstractmethod
    def trusted(self) -> str:
        """The path of the certificate that a client of this test trusts."""

    def __enter__(self) -> Self:
        self._process = self.begin(programs.require(self.program, self.program))
        try:
            wait_for(self._answers, PATIENCE_S, f"{self.program} answers")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fitted(self, language: str, changes: dict[str, str]) -> str:
        """The page's own text: ports, files and the front's address are this test's."""
        text = example(language)
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.program} has ended"
        try:
            return self.ask("GET", "/", is_secure=False).status in MOVED and self.ask("GET", "/").status == 200
        except OSError:
            return False

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        *,
        is_secure: bool = True,
        source: str = HOST,
    ) -> Answer:
        """`source`: the address that the request comes from."""
        connection = (
            _NamedConnection(HOST, self.https, self.trusted, source)
            if is_secure
            else HTTPConnection(HOST, self.http, timeout=PATIENCE_S, source_address=(source, 0))
        )
        try:
            connection.request(method, path, body, {"Host": NAME, **(headers or {})})
            response = connection.getresponse()
            self.cookies = response.headers.get_all("Set-Cookie") or []
            named = {name.lower(): value for name, value in response.headers.items()}
            return Answer("", method, path, response.status, named, response.read())
        finally:
            connection.close()


class _NamedConnection(HTTPSConnection):
    """To an address, by the shop's name: a proxy chooses the certificate by it."""

    def __init__(self, host: str, port: int, trusted: str, source: str) -> None:
        super().__init__(host, port, timeout=PATIENCE_S)
        self._source = source
        self._named = ssl.create_default_context(cafile=trusted)
        self._named.check_hostname = False

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), PATIENCE_S, (self._source, 0))
        self.sock = self._named.wrap_socket(plain, server_hostname=NAME)


class Nginx(Proxy):
    program = "nginx"

    @property
    def trusted(self) -> str:
        return str(self.folder / "certificate.pem")

    def begin(self, program: str) -> subprocess.Popen[bytes]:
        self._make_certificate()
        (self.folder / "nginx.conf").write_text(self._configuration())
        return subprocess.Popen(
            [program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]
        )

    def _make_certificate(self) -> None:
        program = programs.require("openssl", "openssl")
        command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
        files = ["-keyout", str(self.folder / "key.pem"), "-out", self.trusted]
        subprocess.run([*command, *files], check=True, capture_output=True)

    def _configuration(self) -> str:
        text = self.fitted(
            "nginx",
            {
                "listen 80;": f"listen {HOST}:{self.http};",
                "listen 443 ssl": f"listen {HOST}:{self.https} ssl",
                "server 127.0.0.1:8000;": f"server {self.front};",
                "/etc/ssl/shop.example.crt": self.trusted,
                "/etc/ssl/shop.example.key": str(self.folder / "key.pem"),
            },
        )
        places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{place}_temp_path {self.folder}/{place};" for place in places)
        return (
            f"daemon off; master_process off; pid {self.folder}/pid;\nevents {{ worker_connections 64; }}\n"
            f"http {{\naccess_log off;\n{temporary}\n{text}\n}}\n"
        )


class Caddy(Proxy):
    """With an authority of its own in the place of a public one, which it would ask for a certificate."""

    program = "caddy"

    @property
    def trusted(self) -> str:
        return str(self.folder / "store" / "pki" / "authorities" / "local" / "root.crt")

    def begin(self, program: str) -> subprocess.Popen[bytes]:
        options = (
            f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tdefault_bind {HOST}\n"
            f"\thttp_port {self.http}\n\thttps_port {self.https}\n\tstorage file_system {self.folder}/store\n}}\n"
        )
        text = self.fitted("caddy", {"reverse_proxy 127.0.0.1:8000": f"reverse_proxy {self.front}"})
        (self.folder / "Caddyfile").write_text(f"{options}\n{text}")
        command = [program, "run", "--adapter", "caddyfile", "--config", str(self.folder / "Caddyfile")]
        homes = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        environment: Any = os.environ | dict.fromkeys(homes, str(self.folder))
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


PROXIES: tuple[type[Proxy], ...] = (Nginx, Caddy)
