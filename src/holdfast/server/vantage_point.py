"""Vantage points: resolvers elsewhere, asked for the same records without their own validation (CD=1)."""

import ssl
from dataclasses import dataclass

from holdfast.evidence.bundle import TCP, TLS, TUNNEL

TLS_PORT = 853  # RFC 7858 section 3.1


@dataclass(frozen=True)
class VantagePoint:
    """A resolver at an address and port, over TCP, or over TLS if it has a name that its certificate must show.

    ``is_tunnel``: the operator vouches that nobody can change what goes over the way there, a tunnel of its own.
    """

    host: str
    port: int
    tls_name: str = ""
    is_tunnel: bool = False

    @property
    def transport(self) -> str:
        """Return over what it is asked."""
        if self.is_tunnel:
            return TUNNEL
        return TLS if self.tls_name else TCP

    @property
    def name(self) -> str:
        """Return what it is called in evidence."""
        return self.tls_name or self.host

    def tls(self) -> ssl.SSLContext | None:
        """Return what checks the certificate; None: no TLS."""
        return ssl.create_default_context() if self.tls_name else None
