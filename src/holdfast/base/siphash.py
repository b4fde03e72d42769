"""SipHash-2-4, a keyed hash for short inputs (Aumasson and Bernstein, 2012): what RFC 9018 makes server cookies of.

The four 64-bit words of its state are kept in halves: compiled, a number of 64 bits is an object, one of 32 is not.
"""

from typing import Final

KEY_OCTETS: Final = 16
_MASK: Final = 0xFFFFFFFF
_BLOCK_ROUNDS: Final = 2
_FINAL_ROUNDS: Final = 4


def _half(octets: bytes, at: int) -> int:
    """Return the little-endian number in four octets."""
    return octets[at] | octets[at + 1] << 8 | octets[at + 2] << 16 | octets[at + 3] << 24


class _State:
    """The state: ``h0`` and ``l0`` are the upper and the lower half of the word v0, and so on."""

    def __init__(self, key: bytes) -> None:
        self.l0 = _half(key, 0) ^ 0x70736575
        self.h0 = _half(key, 4) ^ 0x736F6D65
        self.l1 = _half(key, 8) ^ 0x6E646F6D
        self.h1 = _half(key, 12) ^ 0x646F7261
        self.l2 = _half(key, 0) ^ 0x6E657261
        self.h2 = _half(key, 4) ^ 0x6C796765
        self.l3 = _half(key, 8) ^ 0x79746573
        self.h3 = _half(key, 12) ^ 0x74656462

    def mix(self, rounds: int) -> None:
        """Apply the round function."""
        h0, l0, h1, l1 = self.h0, self.l0, self.h1, self.l1
        h2, l2, h3, l3 = self.h2, self.l2, self.h3, self.l3
        for _ in range(rounds):
            # v0 += v1; v1 = rotate(v1, 13) ^ v0; v0 = rotate(v0, 32)
            low = l0 + l1
            high = (h0 + h1 + (low >> 32)) & _MASK
            low &= _MASK
            h1, l1 = ((h1 << 13 | l1 >> 19) & _MASK) ^ high, ((l1 << 13 | h1 >> 19) & _MASK) ^ low
            h0, l0 = low, high
            # v2 += v3; v3 = rotate(v3, 16) ^ v2
            low = l2 + l3
            h2 = (h2 + h3 + (low >> 32)) & _MASK
            l2 = low & _MASK
            h3, l3 = ((h3 << 16 | l3 >> 16) & _MASK) ^ h2, ((l3 << 16 | h3 >> 16) & _MASK) ^ l2
            # v0 += v3; v3 = rotate(v3, 21) ^ v0
            low = l0 + l3
            h0 = (h0 + h3 + (low >> 32)) & _MASK
            l0 = low & _MASK
            h3, l3 = ((h3 << 21 | l3 >> 11) & _MASK) ^ h0, ((l3 << 21 | h3 >> 11) & _MASK) ^ l0
            # v2 += v1; v1 = rotate(v1, 17) ^ v2; v2 = rotate(v2, 32)
            low = l2 + l1
            high = (h2 + h1 + (low >> 32)) & _MASK
            low &= _MASK
            h1, l1 = ((h1 << 17 | l1 >> 15) & _MASK) ^ high, ((l1 << 17 | h1 >> 15) & _MASK) ^ low
            h2, l2 = low, high
        self.h0, self.l0, self.h1, self.l1 = h0, l0, h1, l1
        self.h2, self.l2, self.h3, self.l3 = h2, l2, h3, l3

    def absorb(self, word: bytes) -> None:
        """Take eight octets of the input."""
        low, high = _half(word, 0), _half(word, 4)
        self.l3 ^= low
        self.h3 ^= high
        self.mix(_BLOCK_ROUNDS)
        self.l0 ^= low
        self.h0 ^= high


def siphash24(key: bytes, data: bytes) -> bytes:
    """Return the eight octets of the hash of ``data`` under a key of 16 octets."""
    state = _State(key)
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        state.absorb(data[at : at + 8])
    rest = data[whole:]
    state.absorb(rest + bytes(7 - len(rest)) + bytes([len(data) & 255]))
    state.l2 ^= 0xFF
    state.mix(_FINAL_ROUNDS)
    high = state.h0 ^ state.h1 ^ state.h2 ^ state.h3
    low = state.l0 ^ state.l1 ^ state.l2 ^ state.l3
    return low.to_bytes(4, "little") + high.to_bytes(4, "little")
