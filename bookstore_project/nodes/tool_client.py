"""HTTP to a node where it isn't hot (commands, the demo, benchmarks), through requests. Between nodes: `client`."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import requests

from bookstore_project.api import headers
from bookstore_project.clock import Clock
from bookstore_project.settings import tls

TIMEOUT_S = 15.0
IDLE_S = 5.0
"""Of silence, after which a connection isn't used again. A front closes one after ten seconds."""
LARGEST_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What a node said, whatever its status, and how long its head took to come."""

    status: int
    headers: Mapping[str, str]
    """By their names in any case."""
    body: bytes
    took_ms: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cache(self) -> str:
        return self.headers.get(headers.CACHE, "")

    @property
    def replica(self) -> str:
        return self.headers.get(headers.REPLICA, "")


class Session:
    """One node, on a connection that is kept while it can be; for one thread. A context manager.

    What was sent is never sent again by itself: who asked has to know whether it may be. No redirect is followed, and
    the environment's proxies and `.netrc` don't count, so that no credentials go to anybody else.
    """

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S, clock: Clock = time.monotonic) -> None:
        self._url = f"{tls.SCHEME}://{address}"
        self._timeout_s = timeout_s
        self._clock = clock
        self._used_at = clock()
        self._session = requests.Session()
        self._session.trust_env = False
        if shown := tls.CERTIFICATES:
            self._session.verify, self._session.cert = str(shown.authority), (str(shown.own), str(shown.key))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The next request gets a new connection."""
        self._session.close()

    def get(self, path: str, extra_headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("GET", path, extra_headers=extra_headers)

    def call(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        extra_headers: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> Answer:
        """With `data` as JSON, if there is any. Raises OSError if there is no answer, or one beyond LARGEST_BYTES.

        The timeout is for the connection, and for each wait for more of the answer.
        """
        if self._clock() - self._used_at > IDLE_S:
            self.close()
        with self._session.request(
            method,
            f"{self._url}{path}",
            json=data,
            headers=extra_headers,
            auth=login,
            timeout=self._timeout_s,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = b"".join(_bounded(response))
        self._used_at = self._clock()
        return Answer(response.status_code, response.headers, body, response.elapsed.total_seconds() * 1000)


def _bounded(response: requests.Response) -> Iterator[bytes]:
    size = 0
    for chunk in response.iter_content(_CHUNK_BYTES):
        size += len(chunk)
        if size > LARGEST_BYTES:
            raise OSError(f"The answer of {response.url} is larger than {LARGEST_BYTES} bytes.")
        yield chunk
