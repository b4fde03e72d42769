"""What time-outs of a server mean for the queries after them."""

from holdfast.base.limits import SERVER_TIMEOUTS_TO_BACKOFF
from holdfast.cache.server_cache import ServerEntry


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
