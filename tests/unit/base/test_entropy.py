"""Random numbers: reproducible, apart from each other, and within their bounds."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.base.entropy import BLOCK_DRAWS, Entropy, EntropyStream

SEED = b"sixteen octets.."
STREAMS = ["query_id", "query_case", "server_choice", "cookie", "server_cookie", "timer_jitter"]


def draws(stream: EntropyStream, count: int = 3 * BLOCK_DRAWS) -> list[int]:
    return [stream.next_u16() for _ in range(count)]


def test_the_same_seed_gives_the_same_numbers() -> None:
    for name in STREAMS:
        assert draws(getattr(Entropy(SEED), name)) == draws(getattr(Entropy(SEED), name))
        assert draws(getattr(Entropy(SEED), name)) != draws(getattr(Entropy(SEED[::-1]), name))


def test_streams_do_not_know_of_each_other() -> None:
    quiet, busy = Entropy(SEED), Entropy(SEED)
    draws(busy.query_case)
    draws(busy.cookie, 5)
    assert draws(quiet.query_id) == draws(busy.query_id)
    assert len({tuple(draws(getattr(Entropy(SEED), name))) for name in STREAMS}) == len(STREAMS)


def test_numbers_do_not_repeat_from_block_to_block() -> None:
    found = draws(Entropy(SEED).query_id, 4 * BLOCK_DRAWS)
    blocks = [tuple(found[at : at + BLOCK_DRAWS]) for at in range(0, len(found), BLOCK_DRAWS)]
    assert len(set(blocks)) == 4


def test_numbers_fill_their_range() -> None:
    found = draws(Entropy(SEED).query_id, 20_000)
    assert 0 <= min(found) < 100 and 65_435 < max(found) <= 65_535
    assert 32_000 < sum(found) / len(found) < 33_500  # the mean of 20 000 strays by 134 (one standard deviation)


@given(st.integers(1, 65536), st.binary(min_size=16, max_size=64))
def test_below(bound: int, seed: bytes) -> None:
    stream = Entropy(seed).server_choice
    assert all(0 <= stream.below(bound) < bound for _ in range(10))


def test_below_takes_every_value() -> None:
    stream = Entropy(SEED).server_choice
    assert {stream.below(7) for _ in range(300)} == set(range(7))


@given(st.integers(0, 100))
def test_take(count: int) -> None:
    taken = Entropy(SEED).cookie.take(count)
    assert len(taken) == count
    assert Entropy(SEED).cookie.take(count + 3)[: count & ~1] == taken[: count & ~1]
