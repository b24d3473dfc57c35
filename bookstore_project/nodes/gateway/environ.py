"""An ASGI request as a WSGI environ (PEP 3333)."""

import io
import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from bookstore_project.nodes.gateway.header_checks import is_telling
from bookstore_project.nodes.gateway.messages import Incoming
from bookstore_project.settings import tls


def build_environ(request: Incoming, body: bytes, request_id: str) -> dict[str, Any]:
    """The environ of a request whose body has arrived whole.

    Headers with an underscore in their names are left out: in an environ they can't be told from those with a
    hyphen, which a proxy may have checked.
    """
    scope = request.scope
    host, port = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    raw_path = scope.get("raw_path") or scope["path"].encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path.partition(b"?")[0]).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": str(client[0]),
        "REMOTE_PORT": str(client[1]),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": tls.scheme_of_client(scope.get("scheme", "http")),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name == "content-type":
            if is_telling(request.method, has_body=bool(body)):
                environ["CONTENT_TYPE"] = value
        elif name not in ("content-length", "transfer-encoding") and "_" not in name:
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    environ["HTTP_X_REQUEST_ID"] = request_id
    return environ
