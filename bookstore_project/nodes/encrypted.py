"""Connections to other nodes over TLS. What goes wrong before both sides know one another was never sent."""

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError


class Connection(HTTPSConnection):
    def connect(self) -> None:
        """Raises a ConnectTimeoutError, as for plain connections, if there is none."""
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except (OSError, HTTPError) as error:  # The ssl module's errors are some of the former.
            self.close()
            raise NewConnectionError(self, f"no TLS: {error}") from error


class Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = Connection
