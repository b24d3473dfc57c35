"""A real nginx of a test's own, before a store: with the configuration that the documentation shows."""

import re
import shutil
import ssl
import subprocess
import tempfile
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import Self

from tests import programs
from tests.answers import Answer
from tests.store import ROOT, free_port
from tests.waiting import PATIENCE_S, wait_for

PAGE = ROOT / "docs" / "shop.md"
NAME = "shop.example"
HOST = "127.0.0.1"


def example(language: str) -> str:
    """The block of that language on the page for the shop."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


class Nginx:
    """A context manager: it answers inside, over HTTP and over HTTPS with a certificate of its own making."""

    def __init__(self, front: str) -> None:
        """`front`: the address of the store's front."""
        self.folder = Path(tempfile.mkdtemp(prefix="nginx-"))
        self.http, self.https = free_port(HOST), free_port(HOST)
        self._front = front
        self.cookies: list[str] = []
        """That the last answer set."""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = programs.require("nginx", "nginx")
        self._make_certificate()
        (self.folder / "nginx.conf").write_text(self._configuration())
        command = [program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]
        self._process = subprocess.Popen(command)
        try:
            wait_for(self._answers, PATIENCE_S, "nginx answers")
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

    def _make_certificate(self) -> None:
        program = programs.require("openssl", "openssl")
        command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
        files = ["-keyout", str(self.folder / "key.pem"), "-out", str(self.folder / "certificate.pem")]
        subprocess.run([*command, *files], check=True, capture_output=True)

    def _configuration(self) -> str:
        """The page's own text: ports, files and the front's address are this test's."""
        text = example("nginx")
        for old, new in (
            ("listen 80;", f"listen {HOST}:{self.http};"),
            ("listen 443 ssl", f"listen {HOST}:{self.https} ssl"),
            ("server 127.0.0.1:8000;", f"server {self._front};"),
            ("/etc/ssl/shop.example.crt", str(self.folder / "certificate.pem")),
            ("/etc/ssl/shop.example.key", str(self.folder / "key.pem")),
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{place}_temp_path {self.folder}/{place};" for place in places)
        return (
            f"daemon off; master_process off; pid {self.folder}/pid;\nevents {{ worker_connections 64; }}\n"
            f"http {{\naccess_log off;\n{temporary}\n{text}\n}}\n"
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "nginx has ended"
        try:
            return self.ask("GET", "/", is_secure=False).status == 301
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
        context = ssl.create_default_context(cafile=str(self.folder / "certificate.pem"))
        context.check_hostname = False
        connection = (
            HTTPSConnection(HOST, self.https, timeout=PATIENCE_S, context=context, source_address=(source, 0))
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
