"""A second-level cache in memory, and carrying out the effects that fill it."""

from holdfast.base.effects import Effect, Forget, Remember
from holdfast.cache.second_level import SecondLevelCache


class KeptRecords(SecondLevelCache):
    """Records by key; outlives the engines that use it."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.records.get(key)

    def take(self, effects: list[Effect]) -> None:
        """Carry out what concerns the store."""
        for effect in effects:
            if isinstance(effect, Remember):
                self.records[effect.key] = effect.value
            elif isinstance(effect, Forget):
                for key in [key for key in self.records if key.startswith(effect.prefix)]:
                    del self.records[key]
