"""Hypothesis strategies for names and messages in wire format."""

from hypothesis import strategies as st

NAME_OCTETS = 255

labels = st.binary(min_size=1, max_size=63) | st.sampled_from([b"www", b"WwW", b"example", b"*", b"a", b"\x00", b"a.b"])


def join(parts: list[bytes]) -> bytes:
    """A name in wire format from its labels."""
    return b"".join(bytes([len(label)]) + label for label in parts) + b"\x00"


# Any name: octets of every value, long ones too.
names = st.lists(labels, max_size=12).map(join).filter(lambda name: len(name) <= NAME_OCTETS)

# Names of few labels, so that two of them often have ancestors in common.
related_names = st.lists(st.sampled_from([b"a", b"A", b"b", b"*", b"\x00", b"\x01", b"a\x00"]), max_size=5).map(join)
