"""What the server needs to know beside the engine's settings."""

from dataclasses import dataclass, field
from pathlib import Path

from holdfast.base.limits import TCP_IDLE_MS
from holdfast.base.settings import DEFAULT_SERVICE
from holdfast.evidence.rounds import RecheckPolicy
from holdfast.server.vantage_point import VantagePoint

TCP_CONNECTIONS = 1000  # of all clients: memory is bounded by this times the pipeline limit
TCP_CONNECTIONS_PER_CLIENT = 50  # RFC 7766 section 6.2.2: one client must not take all
TCP_PIPELINED_QUERIES = 100  # unanswered queries of one connection; reading stops above it
UPSTREAM_SOCKETS = 8000  # exchanges in flight; below the usual limit of open files per service
PERSISTENT_CACHE_OCTETS = 512 * 1024 * 1024  # of the file: about a million records
DRAIN_S = 3.0  # time for what is outstanding when a worker stops
DEFAULT_PORT = 53
VANTAGE_POINTS = 8  # asked in each check; two or three in other networks decide what can be decided


class ServerError(Exception):
    """The server cannot do what it was told; the text says what, and how to mend it."""


@dataclass(frozen=True)
class Listener:
    """An address (text form) and port to answer on, over UDP and TCP, and the service that is offered there."""

    host: str
    port: int = DEFAULT_PORT
    service: str = field(default=DEFAULT_SERVICE, compare=False)  # a reload may change it while the sockets stay

    def __str__(self) -> str:
        """Write it as the command line takes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class ApiSettings:
    """Settings of the HTTP API: where it listens, where its secret is, and what else it may be called in URLs."""

    listeners: tuple[Listener, ...]
    token_file: Path
    host_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the server.

    ``user``: account to become after the sockets are bound ("" keeps the present one). ``state_directory``: where trust
    anchors are remembered (None: nowhere). ``control_socket``: where commands are taken (None: nowhere), also from
    members of ``control_group`` ("": only from root and ``user``). ``address_map``: packed upstream address to the
    (host, port) asked in its place, for the laboratory. ``api``: the HTTP API (None: there is none).
    ``vantage_points``: asked as well when a zone is checked. ``recheck``: of zones under a negative trust anchor.
    ``follow_rollovers``: of trust anchors that are added at run time (RFC 5011).
    """

    listeners: tuple[Listener, ...] = (Listener("127.0.0.1"), Listener("::1"))
    workers: int = 1
    user: str = ""
    state_directory: Path | None = None
    persistent_cache_octets: int = PERSISTENT_CACHE_OCTETS
    control_socket: Path | None = None
    control_group: str = ""
    log_level: str = "info"
    tcp_connections: int = TCP_CONNECTIONS
    tcp_connections_per_client: int = TCP_CONNECTIONS_PER_CLIENT
    tcp_idle_s: float = TCP_IDLE_MS / 1000
    upstream_sockets: int = UPSTREAM_SOCKETS
    drain_s: float = DRAIN_S
    follow_rollovers: bool = True
    address_map: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    api: ApiSettings | None = None
    vantage_points: tuple[VantagePoint, ...] = ()
    recheck: RecheckPolicy = field(default_factory=RecheckPolicy)
