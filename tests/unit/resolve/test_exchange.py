"""Queries in flight: counted where they were sent, and none counted twice."""

from holdfast.base.effects import FAILURE_LOCAL, FAILURE_REFUSED, TRANSPORT_UDP
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.limits import SERVERS_REMEMBERED
from holdfast.base.settings import EngineSettings
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.resolve.exchange import Exchange, ExchangeTable
from holdfast.resolve.pending import PendingLookup
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget

NOW = Instant(1_000_000_000, 1_778_000_000)
SERVER = bytes([192, 0, 2, 1])


def table() -> ExchangeTable:
    return ExchangeTable(ResolverState(EngineSettings(), CryptographyVerifier(), Entropy(b"exchange test 16")))


def send(exchanges: ExchangeTable, address: bytes = SERVER) -> Exchange:
    owner = PendingLookup(b"", RequestBudget(), 0)
    exchange = exchanges.send(owner, address, 53, TRANSPORT_UDP, b"\x03www\x00", 1, False, NOW)
    assert exchange is not None
    return exchange


def test_a_query_is_counted_until_it_ends() -> None:
    exchanges = table()
    exchange = send(exchanges)
    assert exchanges.state.servers.get(SERVER, NOW.monotonic_us).in_flight == 1
    exchanges.fail(exchange.exchange_id, FAILURE_REFUSED, NOW)
    assert exchanges.state.servers.get(SERVER, NOW.monotonic_us).in_flight == 0


def test_a_server_that_the_cache_forgets_meanwhile_is_not_counted_below_zero() -> None:
    exchanges = table()
    exchange = send(exchanges)
    servers = exchanges.state.servers
    for number in range(SERVERS_REMEMBERED):
        servers.get(number.to_bytes(16, "big"), NOW.monotonic_us)
    exchanges.fail(exchange.exchange_id, FAILURE_REFUSED, NOW)
    assert servers.get(SERVER, NOW.monotonic_us).in_flight == 0


def test_local_trouble_does_not_count_against_the_server() -> None:
    exchanges = table()
    for failure, timeouts in ((FAILURE_LOCAL, 0), (FAILURE_REFUSED, 1)):
        exchange = send(exchanges)
        exchanges.fail(exchange.exchange_id, failure, NOW)
        assert exchanges.state.servers.get(SERVER, NOW.monotonic_us).timeouts == timeouts
