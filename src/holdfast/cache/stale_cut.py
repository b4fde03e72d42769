"""The mark on everything that rests on old delegation data: shared, so that one change ends it everywhere at once."""

from typing import Final

from holdfast.base.cause import Cause


class StaleCut:
    """A zone cut that is crossed with the DS, or the proof of no DS, that was validated last.

    ``cause`` (EDE 3) goes with every answer that crosses it while ``active``; it ends when the parent can be believed
    again.
    """

    def __init__(self, zone: bytes, cause: Cause) -> None:
        self.zone: Final = zone
        self.cause: Final = cause
        self.active: bool = True
