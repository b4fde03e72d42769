"""What time-outs of a server mean for the queries after them, and how servers are named."""

from ipaddress import ip_address

import pytest

from holdfast.base.limits import SERVER_TIMEOUTS_TO_BACKOFF
from holdfast.cache.server_cache import ServerEntry, server_text


def test_a_pause_that_loses_many_queries_at_once_is_one_time_out() -> None:
    server = ServerEntry(0)
    wait_us = server.timeout_us()
    for sent_us in range(100):
        server.note_timeout(1000 + sent_us, 1000 + sent_us + wait_us)
    assert server.timeouts == 1
    assert server.backoff_until_us == 0
    assert server.timeout_us() == 2 * wait_us


def test_time_outs_one_after_the_other_make_the_server_rest() -> None:
    server = ServerEntry(0)
    now_us = 1000
    for _ in range(SERVER_TIMEOUTS_TO_BACKOFF):
        assert server.backoff_until_us == 0
        sent_us = now_us
        now_us += server.timeout_us()
        server.note_timeout(sent_us, now_us)
    assert server.timeouts == SERVER_TIMEOUTS_TO_BACKOFF
    assert server.backoff_until_us > now_us


def test_a_response_ends_the_row() -> None:
    server = ServerEntry(0)
    server.note_timeout(10, 20)
    server.note_response(5)
    assert server.timeouts == 0
    server.note_timeout(20, 30)
    assert server.timeouts == 1


@pytest.mark.parametrize(
    ("text", "port", "written"),
    [
        ("192.0.2.3", None, "192.0.2.3"),
        ("192.0.2.3", 5301, "192.0.2.3 port 5301"),
        ("2001:db8::1", None, "2001:db8:0:0:0:0:0:1"),
        ("2001:db8::1", 5301, "2001:db8:0:0:0:0:0:1 port 5301"),
    ],
)
def test_servers_are_named_by_address_and_unusual_port(text: str, port: int | None, written: str) -> None:
    server = ip_address(text).packed + (b"" if port is None else port.to_bytes(2, "big"))
    assert server_text(server) == written
