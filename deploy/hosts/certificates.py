"""Certificates that the hosts show one another, made by openssl: one authority, one certificate a host."""

import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from deploy.hosts.cluster import Host, Refused

AUTHORITY_DAYS = 3650
HOST_DAYS = 825
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


def make_authority() -> tuple[str, str]:
    """A new authority: its certificate and its key, as PEM. Raises Refused."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _openssl(
            *("req", "-x509", *NEW_KEY, "-keyout", folder / "key", "-out", folder / "crt", "-days", AUTHORITY_DAYS),
            *("-subj", "/CN=bookstore hosts", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        return (folder / "crt").read_text(), (folder / "key").read_text()


def make_certificate(authority: tuple[str, str], host: Host, days: int = HOST_DAYS) -> tuple[str, str]:
    """Of a host, to be a server and a client with, at its address: certificate and key, as PEM. Raises Refused."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in zip(("ca.crt", "ca.key"), authority, strict=True):
            (folder / file).write_text(text)
        (folder / "about").write_text(
            "basicConstraints=critical,CA:FALSE\n"
            "keyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=serverAuth,clientAuth\n"
            f"subjectAltName=IP:{host.address},IP:127.0.0.1,DNS:{host.name}\n"
        )
        request = folder / "request"
        _openssl("req", *NEW_KEY, "-keyout", folder / "key", "-out", request, "-subj", f"/CN={host.name}")
        _openssl(
            *("x509", "-req", "-in", request, "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key"),
            *("-CAcreateserial", "-days", days, "-extfile", folder / "about", "-out", folder / "crt"),
        )
        return (folder / "crt").read_text(), (folder / "key").read_text()


def ends_at(certificate: str) -> datetime:
    """When it expires. Raises Refused if it is no certificate."""
    said = _openssl("x509", "-noout", "-enddate", given=certificate).strip().removeprefix("notAfter=")
    return datetime.strptime(said, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)


def _openssl(*arguments: object, given: str = "") -> str:
    command = ["openssl", *map(str, arguments)]
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603  # Ours.
    except FileNotFoundError:
        raise Refused("This needs the program openssl: apt-get install openssl") from None
    if done.returncode != 0:
        raise Refused(f"openssl {command[1]} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout
