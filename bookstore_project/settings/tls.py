"""TLS between nodes on several hosts: each side shows a certificate of one authority, and listens to nobody else.

A node without BOOKSTORE_TLS speaks plain HTTP, as nodes of one machine do. What customers speak is their proxy's
matter either way: what reaches a node is a call of another node's or of the proxy's.
"""

import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from bookstore_project.settings import environment


@dataclass(frozen=True)
class Certificates:
    """PEM files; the key is PKCS #8."""

    authority: Path
    own: Path
    key: Path


def certificates_in(folder: str) -> Certificates | None:
    """What a node shows and trusts; None for no folder. Raises ImproperlyConfigured if something is missing there."""
    if not folder:
        return None
    found = Certificates(*(Path(folder) / name for name in ("ca.crt", "host.crt", "host.key")))
    if missing := [path.name for path in vars(found).values() if not path.is_file()]:
        raise ImproperlyConfigured(f"BOOKSTORE_TLS={folder!r}: {', '.join(missing)} isn't there.")
    return found


CERTIFICATES = certificates_in(environment.text("TLS"))
SCHEME = "https" if CERTIFICATES else "http"
"""Of the addresses of nodes."""


@cache
def context() -> ssl.SSLContext | None:
    """What calls another node: as whom, and who may answer; None for plain HTTP."""
    if CERTIFICATES is None:
        return None
    made = ssl.create_default_context(cafile=str(CERTIFICATES.authority))
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(CERTIFICATES.own, CERTIFICATES.key)
    return made


def scheme_of_client(scope_scheme: str) -> str:
    """What a client speaks, if its proxy says nothing of it. `scope_scheme`: what this node's connection speaks."""
    return "http" if CERTIFICATES else scope_scheme
