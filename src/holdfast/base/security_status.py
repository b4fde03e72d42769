"""The four security statuses of RFC 4035 section 4.3, and the mark for data that nobody has judged yet."""

from typing import Final

UNCHECKED: Final = 0  # stored as received; judged when first used
SECURE: Final = 1
INSECURE: Final = 2
INDETERMINATE: Final = 3
BOGUS: Final = 4

NAMES: Final = ["unchecked", "secure", "insecure", "indeterminate", "bogus"]


def weaker(left: int, right: int) -> int:
    """Return the status of an answer made of two parts: the chain is as strong as its weakest link."""
    return left if left > right else right
