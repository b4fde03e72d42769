"""Looking something up at the servers that an override rule names, for one answer, beside all caches.

What comes is validated like everything else, with keys that are found the ordinary way. It is not kept: nobody whom the
rule is not for sees it, it does not outlive the rule, and a failure says nothing about the name. The whole answer may
wait in the packet cache, whose keys tell audiences and policy epochs apart.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import Instant
from holdfast.base.limits import FAILURE_TTL_FIRST_S
from holdfast.base.settings import UpstreamServer, ZoneServers
from holdfast.dns.name import ROOT
from holdfast.resolve.delegation import configured_delegation
from holdfast.resolve.exchange import ExchangeTable
from holdfast.resolve.iterate import FetchTask
from holdfast.resolve.lookup import LookupTask
from holdfast.resolve.pending import TaskSource
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget


class ForwardedLookup(LookupTask):
    """One look-up at ``servers``, which are recursive."""

    def __init__(
        self,
        state: ResolverState,
        source: TaskSource,
        exchanges: ExchangeTable,
        key: bytes,
        name: bytes,
        rtype: int,
        validate: bool,
        servers: list[UpstreamServer],
        budget: RequestBudget,
    ) -> None:
        super().__init__(state, source, key, name, rtype, validate, budget, 0, True, True)
        self.exchanges: Final = exchanges
        self.servers: Final = servers

    def make_fetch(self, now: Instant) -> FetchTask:
        """Ask the rule's servers. They may speak for every zone: the rule says so, and validation is the judge."""
        task = FetchTask(
            self.state,
            self.exchanges,
            self.source,
            b"",
            self.name,
            self.rtype,
            self.budget,
            self.depth,
            self.excluded,
        )
        task.apart = True
        task.enter(configured_delegation(self.state, ZoneServers(ROOT, self.servers, True, False, [])))
        task.step(now)
        return task

    def keep(self, status: int, cause: Cause | None, now: Instant) -> None:
        """Keep nothing."""

    def keep_failure(self, status: int, now: Instant) -> None:
        """Remember nothing, but let the answer stand for a moment: clients repeat their questions."""
        self.result.expires_us = now.monotonic_us + FAILURE_TTL_FIRST_S * 1_000_000

    def blame(self, zone: bytes, failure: int, causes: list[Cause], servers: list[bytes], now: Instant) -> None:
        """What these servers say shows no zone to be broken."""
