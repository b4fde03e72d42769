"""Lines of JSON over a stream, however the stream cuts them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.server.lines import LINE_OCTETS, LineBuffer, LineError, decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5), st.integers(1, 50))
def test_objects_arrive_as_they_were_sent(objects: list[dict[str, object]], cut: int) -> None:
    stream = b"".join(encode(one) for one in objects)
    buffer = LineBuffer()
    lines = [line for at in range(0, len(stream), cut) for line in buffer.feed(stream[at : at + cut])]
    assert [decode(line) for line in lines] == objects


@given(st.binary(max_size=60))
def test_anything_else_is_an_error_in_words(line: bytes) -> None:
    try:
        values = decode(line)
    except LineError as error:
        assert str(error)
    else:
        assert json.loads(line) == values


@pytest.mark.parametrize("pieces", [[b"x" * (LINE_OCTETS + 1)], [b"x" * LINE_OCTETS, b"y"]])
def test_lines_have_a_limit_before_their_end_is_seen(pieces: list[bytes]) -> None:
    buffer = LineBuffer()
    with pytest.raises(LineError):
        for piece in pieces:
            buffer.feed(piece)
