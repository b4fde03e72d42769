"""NSID, cookies and keepalive: what one client gets, whether its answer is fresh, cached, joined or an error."""

from ipaddress import ip_address

import dns.edns
import dns.message
import dns.rcode
import pytest

from holdfast.base.effects import TRANSPORT_TCP, Client
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.settings import AccessRule, EngineSettings
from holdfast.crypto.verifier import CryptographyVerifier
from holdfast.engine.engine import ResolverEngine
from holdfast.service.server_cookies import ABSENT, FUTURE_S, GOOD, LIFETIME_S, RENEW_S, SECRET_PERIOD_S, ServerCookies
from tests.support.engine_world import EngineWorld, Message, option_data, plain_settings, reply_to, texts

NSID, COOKIE, KEEPALIVE = 3, 10, 11
MINE = b"8 octets"
HERE = ip_address("127.0.0.1").packed


def option(code: int, data: bytes = b"") -> dns.edns.Option:
    return dns.edns.GenericOption(dns.edns.OptionType(code), data)


def respond(_address: str, query: Message) -> Message:
    return reply_to(query, [f"{query.question[0].name} 300 A 192.0.2.80"])


def settings_with(**changes: object) -> EngineSettings:
    settings = plain_settings()
    settings.server_identity = "resolver-7"
    for name, value in changes.items():
        setattr(settings, name, value)
    return settings


@pytest.fixture
def world() -> EngineWorld:
    return EngineWorld(respond, settings_with())


def cookies_with_seed(seed: bytes = b"seed") -> ServerCookies:
    return ServerCookies(EngineSettings(), seed)


# -- NSID -------------------------------------------------------------------------------------------------------------


def test_the_identity_comes_only_if_asked_for(world: EngineWorld) -> None:
    for _ in ("fresh", "cached"):
        assert option_data(world.ask("a.example", options=[option(NSID)]), NSID) == [b"resolver-7"]
        assert option_data(world.ask("a.example"), NSID) == []
    assert len(world.sent) == 1


def test_without_identity_there_is_no_nsid() -> None:
    world = EngineWorld(respond, settings_with(server_identity=""))
    assert option_data(world.ask("a.example", options=[option(NSID)]), NSID) == []


def test_refused_clients_get_it_too_and_no_recursion() -> None:
    world = EngineWorld(respond, settings_with(access_rules=[AccessRule(b"\x7f\0\0\0", 8, False)]))
    answer = world.ask("a.example", options=[option(NSID)])
    assert (answer.rcode(), option_data(answer, NSID)) == (dns.rcode.REFUSED, [b"resolver-7"])
    assert not answer.flags & dns.flags.RA


def test_clients_that_join_get_their_own_options(world: EngineWorld) -> None:
    world.respond = lambda _address, _query: None
    wishes: list[list[dns.edns.Option]] = [[option(NSID)], [option(COOKIE, MINE)], []]
    for options in wishes:
        world.submit(dns.message.make_query("j.example", "A", use_edns=0, options=options))
    world.respond = respond
    while len(world.answers) < 3:
        world.next_timer()
    assert [[one.otype for one in answer.options] for answer in world.answers] == [[NSID], [COOKIE], []]


def test_options_count_toward_the_clients_limit() -> None:
    records = " | ".join(f"192.0.2.{n}" for n in range(1, 28))
    world = EngineWorld(
        lambda _address, query: reply_to(query, [f"{query.question[0].name} 300 A {records}"]),
        settings_with(server_identity="x" * 200),
    )
    plain = world.ask("big.example")
    for _ in ("fresh", "cached"):
        query = dns.message.make_query("big.example", "A", use_edns=0, payload=512, options=[option(NSID)])
        world.submit(query)
        answer = world.answers.pop()
        assert len(answer.to_wire()) <= 512 and answer.flags & dns.flags.TC
    assert not plain.flags & dns.flags.TC


# -- cookies ----------------------------------------------------------------------------------------------------------


def test_a_client_cookie_brings_a_server_cookie_that_is_good_and_stays(world: EngineWorld) -> None:
    (first,) = option_data(world.ask("a.example", options=[option(COOKIE, MINE)]), COOKIE)
    assert (len(first), first[:8]) == (24, MINE)
    assert option_data(world.ask("a.example", options=[option(COOKIE, first)]), COOKIE) == [first]


@pytest.mark.parametrize("octets", [0, 7, 9, 15, 41, 60])
def test_malformed_cookies_are_format_errors(world: EngineWorld, octets: int) -> None:
    answer = world.ask("a.example", options=[option(COOKIE, bytes(octets))])
    assert answer.rcode() == dns.rcode.FORMERR
    assert "COOKIE" in str(answer.options[0])


def test_cookies_can_be_turned_off() -> None:
    world = EngineWorld(respond, settings_with(server_cookies=False))
    assert option_data(world.ask("a.example", options=[option(COOKIE, MINE)]), COOKIE) == []


def test_a_cookie_is_good_for_its_address_its_client_and_its_time_only() -> None:
    now = 1_778_000_000
    cookies = cookies_with_seed()
    made = cookies.make(MINE, HERE, now)

    def state(cookie: bytes, address: bytes = HERE, age: int = 0) -> int:
        return cookies.check(cookie, address, Instant(0, now + age)).state

    assert state(made) == state(made, age=LIFETIME_S) == state(made, age=-FUTURE_S) == GOOD
    assert state(made, age=LIFETIME_S + 1) == state(made, age=-FUTURE_S - 1) == ABSENT
    assert state(made, address=b"\x7f\0\0\2") == ABSENT
    assert state(b"another!" + made[8:]) == ABSENT
    assert state(made[:-1] + bytes([made[-1] ^ 1])) == ABSENT


def test_half_way_through_its_life_a_cookie_is_renewed() -> None:
    cookies = cookies_with_seed()
    made = cookies.make(MINE, HERE, 1000)
    assert cookies.check(made, HERE, Instant(0, 1000 + RENEW_S)).reply == made
    renewed = cookies.check(made, HERE, Instant(0, 1000 + RENEW_S + 1))
    assert (renewed.state, renewed.reply) == (GOOD, cookies.make(MINE, HERE, 1000 + RENEW_S + 1))


def test_workers_with_one_seed_agree_and_the_secret_changes_daily() -> None:
    midnight = 20_000 * SECRET_PERIOD_S
    made = cookies_with_seed().make(MINE, HERE, midnight - 1)
    assert cookies_with_seed().check(made, HERE, Instant(0, midnight + 1)).state == GOOD
    assert cookies_with_seed(b"another").check(made, HERE, Instant(0, midnight + 1)).state == ABSENT
    assert cookies_with_seed().secret_of(midnight - 1) != cookies_with_seed().secret_of(midnight)


def test_the_engines_own_seed_cannot_be_guessed_from_the_settings() -> None:
    def cookie_of(seed: bytes) -> bytes:
        now = Instant(0, 0)
        engine = ResolverEngine(EngineSettings(), CryptographyVerifier(), Entropy(seed), now)
        return engine.options.cookies.make(MINE, HERE, 0)

    assert cookie_of(b"one seed of 16 b") != cookie_of(b"two seed of 16 b")


def test_forged_queries_cannot_use_up_the_allowance_of_a_proven_client() -> None:
    world = EngineWorld(respond, settings_with(client_rate_limit_qps=5))
    cookie = world.engine.options.cookies.make(MINE, HERE, world.now().wall_s)
    world.ask("a.example")
    query = dns.message.make_query("a.example", "A", use_edns=0)
    for _ in range(50):
        world.submit(query)
    answered = len(world.answers)
    assert answered < 15
    world.answers.clear()
    assert world.ask("a.example", options=[option(COOKIE, cookie)]).answer
    for _ in range(50):
        world.submit(dns.message.make_query("a.example", "A", use_edns=0, options=[option(COOKIE, cookie)]))
    assert len(world.answers) < 15


# -- keepalive (RFC 7828) ---------------------------------------------------------------------------------------------


def test_over_tcp_the_idle_time_is_told_and_again_on_the_same_connection() -> None:
    world = EngineWorld(respond, settings_with(tcp_idle_ms=30_000))
    connection = Client(HERE, TRANSPORT_TCP, None)
    assert option_data(world.ask("a.example", client=connection), KEEPALIVE) == []
    answer = world.ask("a.example", options=[option(KEEPALIVE)], client=connection)
    assert option_data(answer, KEEPALIVE) == [b"\x01\x2c"]
    assert option_data(world.ask("a.example", client=connection), KEEPALIVE) == [b"\x01\x2c"]
    assert option_data(world.ask("a.example", tcp=True), KEEPALIVE) == []


def test_over_udp_it_is_ignored(world: EngineWorld) -> None:
    answer = world.ask("a.example", options=[option(KEEPALIVE, b"\0\1")])
    assert (answer.rcode(), option_data(answer, KEEPALIVE)) == (dns.rcode.NOERROR, [])


def test_a_client_must_not_send_a_time(world: EngineWorld) -> None:
    assert world.ask("a.example", options=[option(KEEPALIVE, b"\0\1")], tcp=True).rcode() == dns.rcode.FORMERR


def test_without_edns_there_is_nothing_to_say(world: EngineWorld) -> None:
    connection = Client(HERE, TRANSPORT_TCP, None)
    world.ask("a.example", options=[option(KEEPALIVE)], client=connection)
    answer = world.ask("a.example", client=connection, edns=False)
    assert (answer.edns, texts(answer.answer)) == (-1, ["a.example. A 192.0.2.80"])
