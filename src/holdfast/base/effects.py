"""What the engine wants done: the only way in which it reaches the outside world."""

from typing import Final

from holdfast.base.cause import Cause

TRANSPORT_UDP: Final = 0
TRANSPORT_TCP: Final = 1

FAILURE_TIMEOUT: Final = 0  # the driver gave up by itself; normally the engine's own timers do this
FAILURE_REFUSED: Final = 1  # ICMP port unreachable, connection refused
FAILURE_UNREACHABLE: Final = 2  # no route to host or network
FAILURE_CLOSED: Final = 3  # the peer closed the connection before the response was complete
FAILURE_LOCAL: Final = 4  # out of local resources: sockets, buffers


class Client:
    """Where a query came from and where its answer goes.

    ``address`` is the packed IP address (4 or 16 octets), ``transport`` one of ``TRANSPORT_*``, ``handle`` belongs to
    the driver: the engine hands it back untouched in ``SendAnswer``. ``service`` is the number of the service that was
    asked, in ``EngineSettings.services``. Queries of one TCP connection share one object:
    ``keepalive_wanted`` remembers that the client asked how long it may stay (RFC 7828).
    """

    def __init__(self, address: bytes, transport: int, handle: object, service: int = 0) -> None:
        self.address: Final = address
        self.service: Final = service
        self.transport: Final = transport
        self.handle: Final = handle
        self.keepalive_wanted = False


class Effect:
    """Base of all effects."""


class SendUpstreamQuery(Effect):
    """Send ``wire`` to ``address`` (packed) and ``port``; UDP queries use a fresh random source port (RFC 5452)."""

    def __init__(self, exchange_id: int, address: bytes, port: int, transport: int, wire: bytes) -> None:
        self.exchange_id: Final = exchange_id
        self.address: Final = address
        self.port: Final = port
        self.transport: Final = transport
        self.wire: Final = wire


class AbandonExchange(Effect):
    """The response to this exchange is no longer wanted: close its socket."""

    def __init__(self, exchange_id: int) -> None:
        self.exchange_id: Final = exchange_id


class SendAnswer(Effect):
    """Send ``wire`` to the client; it already fits the client's transport."""

    def __init__(self, client: Client, wire: bytes) -> None:
        self.client: Final = client
        self.wire: Final = wire


class DropQuery(Effect):
    """Say nothing to this client (rate limit, response instead of query, garbage); frees what the driver holds."""

    def __init__(self, client: Client, reason: str) -> None:
        self.client: Final = client
        self.reason: Final = reason


class Remember(Effect):
    """Keep a record in the second-level cache (``holdfast.cache.second_level``), replacing the one under its key."""

    def __init__(self, key: bytes, value: bytes) -> None:
        self.key: Final = key
        self.value: Final = value


class Forget(Effect):
    """Drop every record of the second-level cache whose key begins with ``prefix``."""

    def __init__(self, prefix: bytes) -> None:
        self.prefix: Final = prefix


class Record(Effect):
    """Something worth remembering outside: a failure, a state change of a trust anchor, a persisted value.

    ``kind`` is a short constant name, ``subject`` is what it is about in presentation form, ``detail`` is free text.
    """

    def __init__(self, kind: str, subject: str, detail: str, cause: Cause | None) -> None:
        self.kind: Final = kind
        self.subject: Final = subject
        self.detail: Final = detail
        self.cause: Final = cause
