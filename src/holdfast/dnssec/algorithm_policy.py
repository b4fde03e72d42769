"""Which DNSSEC algorithms and DS digests count; the others make a zone insecure, as if they were unknown (RFC 9904)."""

from typing import Final


class AlgorithmPolicy:
    """The configured numbers, as tables for the inner loops."""

    def __init__(self, enabled_algorithms: list[int], enabled_digests: list[int]) -> None:
        self.enabled_algorithms: Final = enabled_algorithms
        self.enabled_digests: Final = enabled_digests
        self._algorithms: Final = bytes(1 if number in enabled_algorithms else 0 for number in range(256))
        self._digests: Final = bytes(1 if number in enabled_digests else 0 for number in range(256))

    def algorithm_usable(self, algorithm: int) -> bool:
        """Say whether signatures of this algorithm (0 to 255) are to be checked."""
        return self._algorithms[algorithm] != 0

    def digest_usable(self, digest_type: int) -> bool:
        """Say whether DS records with this digest type (0 to 255) are to be used."""
        return self._digests[digest_type] != 0
