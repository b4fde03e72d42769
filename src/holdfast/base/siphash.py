"""SipHash-2-4, a keyed hash for short inputs (Aumasson and Bernstein, 2012): what RFC 9018 makes server cookies of."""

from typing import Final

KEY_OCTETS: Final = 16
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_BLOCK_ROUNDS: Final = 2
_FINAL_ROUNDS: Final = 4


def _rotated(value: int, bits: int) -> int:
    """Return a 64-bit number rotated to the left."""
    return ((value << bits) | (value >> (64 - bits))) & _MASK


class _State:
    """The four 64-bit words of the internal state."""

    def __init__(self, key: bytes) -> None:
        low = int.from_bytes(key[:8], "little")
        high = int.from_bytes(key[8:16], "little")
        self.v0 = low ^ 0x736F6D6570736575
        self.v1 = high ^ 0x646F72616E646F6D
        self.v2 = low ^ 0x6C7967656E657261
        self.v3 = high ^ 0x7465646279746573

    def mix(self, rounds: int) -> None:
        """Apply the round function."""
        v0, v1, v2, v3 = self.v0, self.v1, self.v2, self.v3
        for _ in range(rounds):
            v0 = (v0 + v1) & _MASK
            v1 = _rotated(v1, 13) ^ v0
            v0 = _rotated(v0, 32)
            v2 = (v2 + v3) & _MASK
            v3 = _rotated(v3, 16) ^ v2
            v0 = (v0 + v3) & _MASK
            v3 = _rotated(v3, 21) ^ v0
            v2 = (v2 + v1) & _MASK
            v1 = _rotated(v1, 17) ^ v2
            v2 = _rotated(v2, 32)
        self.v0, self.v1, self.v2, self.v3 = v0, v1, v2, v3

    def absorb(self, word: int) -> None:
        """Take one 64-bit word of the input."""
        self.v3 ^= word
        self.mix(_BLOCK_ROUNDS)
        self.v0 ^= word


def siphash24(key: bytes, data: bytes) -> bytes:
    """Return the eight octets of the hash of ``data`` under a key of 16 octets."""
    state = _State(key)
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        state.absorb(int.from_bytes(data[at : at + 8], "little"))
    state.absorb((len(data) & 255) << 56 | int.from_bytes(data[whole:], "little"))
    state.v2 ^= 0xFF
    state.mix(_FINAL_ROUNDS)
    return (state.v0 ^ state.v1 ^ state.v2 ^ state.v3).to_bytes(8, "little")
