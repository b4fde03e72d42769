"""RFC 9018 appendix A: the server cookies that servers of every make must agree on."""

from ipaddress import ip_address

import pytest

from holdfast.base.instant import Instant
from holdfast.base.settings import EngineSettings
from holdfast.service.server_cookies import ABSENT, GOOD, ServerCookies

FIRST_SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
OLD_SECRET = "dd3bdf9344b678b185a6f5cb60fca715"
NEW_SECRET = "445536bcd2513298075a5d379663c962"
IPV6 = "2001:db8:220:1:59de:d0f4:8769:82b8"


def check(secrets: list[str], cookie: str, address: str, time_s: int) -> tuple[int, str]:
    settings = EngineSettings()
    settings.cookie_secrets = [bytes.fromhex(secret) for secret in secrets]
    checked = ServerCookies(settings, b"").check(bytes.fromhex(cookie), ip_address(address).packed, Instant(0, time_s))
    return checked.state, checked.reply.hex()


def test_a_1_learning_a_new_server_cookie() -> None:
    state, reply = check([FIRST_SECRET], "2464c4abcf10c957", "198.51.100.100", 1559731985)
    assert (state, reply) == (ABSENT, "2464c4abcf10c957010000005cf79f111f8130c3eee29480")


def test_a_2_the_same_client_gets_a_renewed_one() -> None:
    cookie = "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
    state, reply = check([FIRST_SECRET], cookie, "198.51.100.100", 1559734385)
    assert (state, reply) == (GOOD, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77")


def test_a_3_reserved_octets_are_hashed_as_they_came() -> None:
    cookie = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"
    assert check([FIRST_SECRET], cookie, "203.0.113.203", 1559727985 + 600) == (GOOD, cookie)


def test_a_3_a_cookie_past_its_lifetime_is_replaced() -> None:
    cookie = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"
    state, reply = check([FIRST_SECRET], cookie, "203.0.113.203", 1559734700)
    assert (state, reply) == (ABSENT, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e")


@pytest.mark.parametrize(("secrets", "wanted"), [([NEW_SECRET, OLD_SECRET], GOOD), ([NEW_SECRET], ABSENT)])
def test_a_4_rolled_over_secret(secrets: list[str], wanted: int) -> None:
    cookie = "22681ab97d52c298010000005cf7c57926556bd0934c72f8"
    state, reply = check(secrets, cookie, IPV6, 1559741961)
    assert (state, reply) == (
        wanted,
        "22681ab97d52c298010000005cf7c609a6bb79d16625507a" if wanted == ABSENT else cookie,
    )
