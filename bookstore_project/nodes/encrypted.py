"""Connections to other nodes over TLS. What goes wrong before both sides know one another was never sent."""

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError


class NoTrust(NewConnectionError):
    """Somebody takes connections there, and TLS comes to nothing: an expired certificate, or of another authority."""


class Connection(HTTPSConnection):
    def connect(self) -> None:
        """Raises a ConnectTimeoutError, as for plain connections, if there is none: NoTrust if that is up to TLS."""
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except (OSError, HTTPError) as error:  # The ssl module's errors are some of the former.
            self.close()
            raise NoTrust(self, str(error)) from error


def why_never_sent(error: ConnectTimeoutError) -> str:
    """What a node does that a call didn't reach, for its log."""
    return f"comes to no TLS: {error.__cause__}" if isinstance(error, NoTrust) else "refuses connections"


class Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = Connection
