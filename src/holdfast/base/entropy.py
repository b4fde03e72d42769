"""Named, reproducible streams of random numbers.

Every purpose draws from its own stream, so that a new draw somewhere does not shift the numbers that another purpose
sees, and old seeds stay valid. A stream is a keyed hash in counter mode: without the seed, which the server takes from
the operating system, its draws cannot be predicted (RFC 5452 section 9.2 asks that of query IDs).
"""

from hashlib import blake2b
from typing import Final

BLOCK_DRAWS: Final = 32  # 16-bit draws per 64-byte block of the keyed hash


class EntropyStream:
    """A stream of unpredictable integers: BLAKE2b in counter mode, keyed by seed and stream name."""

    def __init__(self, seed: bytes, name: bytes) -> None:
        self._key = blake2b(name, key=seed, digest_size=32).digest()
        self._counter = 0
        self._block = b""
        self._position = BLOCK_DRAWS

    def next_u16(self) -> int:
        """Return the next integer in 0..65535."""
        if self._position >= BLOCK_DRAWS:
            self._counter += 1
            self._block = blake2b(str(self._counter).encode(), key=self._key, digest_size=64).digest()
            self._position = 0
        at = self._position * 2
        self._position += 1
        return (self._block[at] << 8) | self._block[at + 1]

    def below(self, bound: int) -> int:
        """Return an integer in 0..bound-1 for 1 <= bound <= 65536; the bias of the modulus is at most bound/2**32."""
        return ((self.next_u16() << 16) | self.next_u16()) % bound

    def take(self, count: int) -> bytes:
        """Return ``count`` bytes."""
        out = bytearray()
        while len(out) < count:
            value = self.next_u16()
            out.append(value >> 8)
            out.append(value & 255)
        return bytes(out[:count])


class Entropy:
    """All streams of one engine, made from one seed of at least 16 bytes."""

    def __init__(self, seed: bytes) -> None:
        key = blake2b(seed, digest_size=32).digest()
        self.query_id: Final = EntropyStream(key, b"query-id")
        self.query_case: Final = EntropyStream(key, b"query-case")
        self.server_choice: Final = EntropyStream(key, b"server-choice")
        self.cookie: Final = EntropyStream(key, b"cookie")
        self.server_cookie: Final = EntropyStream(key, b"server-cookie")
        self.question_sample: Final = EntropyStream(key, b"question-sample")
        self.timer_jitter: Final = EntropyStream(key, b"timer-jitter")
