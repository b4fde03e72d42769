"""The bound on a cache: never exceeded, the used get a second chance."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.cache.eviction import BoundedTable, Evictable


@given(st.integers(1, 500), st.lists(st.tuples(st.sampled_from("PGR"), st.integers(0, 9), st.integers(0, 200))))
def test_the_bound_and_the_accounts_always_hold(capacity: int, actions: list[tuple[str, int, int]]) -> None:
    table = BoundedTable(capacity)
    for action, key, octets in actions:
        name = bytes([key])
        if action == "P":
            table.put(name, Evictable(octets))
        elif action == "G":
            assert (table.get(name) is None) == (name not in table.entries)
        else:
            known = name in table.entries
            assert table.remove(name) is known
            assert name not in table.entries
        assert table.octets == sum(entry.octets for entry in table.entries.values()) <= capacity


def test_the_oldest_goes_first() -> None:
    table = BoundedTable(30)
    for key in b"abcd":
        table.put(bytes([key]), Evictable(10))
    assert list(table.entries) == [b"b", b"c", b"d"]
    assert table.evictions == 1


def test_the_used_get_a_second_chance_once() -> None:
    table = BoundedTable(30)
    for key in b"abc":
        table.put(bytes([key]), Evictable(10))
    table.get(b"a")
    table.put(b"d", Evictable(10))
    assert list(table.entries) == [b"c", b"d", b"a"]
    table.put(b"e", Evictable(10))
    table.put(b"f", Evictable(10))
    assert list(table.entries) == [b"a", b"e", b"f"]
    table.put(b"g", Evictable(10))
    assert list(table.entries) == [b"e", b"f", b"g"]


def test_what_is_larger_than_the_table_does_not_stay() -> None:
    table = BoundedTable(30)
    table.put(b"a", Evictable(10))
    table.put(b"b", Evictable(31))
    assert table.entries == {} and table.octets == 0


def test_replacing_counts_once() -> None:
    table = BoundedTable(30)
    table.put(b"a", Evictable(10))
    table.put(b"a", Evictable(20))
    assert table.octets == 20
    table.clear()
    assert table.octets == 0 and not table.remove(b"a")
