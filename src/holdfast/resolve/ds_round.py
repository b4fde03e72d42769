"""Asking all name servers of a zone for the DS RRset of a child, because no signature vouches for it.

What all of them state alike, octet for octet, leads on below a negative trust anchor that lets signed zones be
validated (RFC 7646 section 1.1). One server, or the path to it, cannot make others believe in a DS RRset; it can
prevent that they do, and then the child is insecure, as all below the anchor would be without this.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.instant import FOREVER_US, Instant
from holdfast.base.limits import (
    ADDRESSES_PER_NAME_SERVER,
    DS_AGREEMENT_MAXIMUM_S,
    DS_AGREEMENT_MINIMUM_S,
    DS_ROUND_ADDRESSES,
    DS_ROUND_SERVERS,
    DS_ROUND_US,
)
from holdfast.base.security_status import UNCHECKED
from holdfast.cache.delegation_cache import Delegation, NameServer
from holdfast.cache.ds_agreements import DsAgreement
from holdfast.cache.rrset_cache import RANK_ANSWER, CachedRRset
from holdfast.cache.server_cache import server_text
from holdfast.dns.iana import EDE_OTHER, TYPE_DS
from holdfast.dns.name import ROOT, is_subdomain, to_text
from holdfast.dns.rrset import RRset
from holdfast.resolve.classify import ANSWER
from holdfast.resolve.delegation import may_query, starting_point
from holdfast.resolve.exchange import ExchangeTable
from holdfast.resolve.iterate import FetchTask
from holdfast.resolve.pending import PendingDsRound, TaskSource
from holdfast.resolve.select_server import server_addresses
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget
from holdfast.resolve.timers import Timer

NO_DS: Final[list[bytes]] = []


class Voter:
    """One address of a name server, and what it is asked."""

    def __init__(self, server: NameServer, address: bytes, fetch: FetchTask) -> None:
        self.server: Final = server
        self.address: Final = address
        self.fetch: Final = fetch

    def answer(self) -> RRset | None:
        """Return the DS RRset that it gave, None if it gave none."""
        found = self.fetch.found
        return found.rrset if found is not None and found.kind == ANSWER else None

    def vote(self, zone: bytes) -> list[bytes] | None:
        """Return the records that it gave, sorted; NO_DS: it says that there are none; None: it says nothing."""
        if not self.fetch.done or self.fetch.found is None or self.fetch.zone != zone:
            return None
        rrset = self.answer()
        return sorted(rrset.rdatas) if rrset is not None else NO_DS


class RoundEnd(Timer):
    """The time after which a round waits for nobody any longer."""

    def __init__(self, asking: "DsRound", deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.asking: Final = asking

    def fire(self, now: Instant) -> None:
        """Count what has come."""
        self.asking.conclude(now)


class DsRound(PendingDsRound):
    """One round for the DS RRset of ``child``, whose parent is at or below ``zone``."""

    def __init__(
        self,
        state: ResolverState,
        source: TaskSource,
        exchanges: ExchangeTable,
        key: bytes,
        child: bytes,
        zone: bytes,
        cause: Cause | None,
        budget: RequestBudget,
        depth: int,
    ) -> None:
        super().__init__(key, budget, depth, cause)
        self.state: Final = state
        self.source: Final = source
        self.exchanges: Final = exchanges
        self.child: Final = child
        self.policy_epoch: Final = state.policy_epoch
        self.zone = zone
        self.voters: Final[list[Voter]] = []
        self.end: RoundEnd | None = None

    def start(self, now: Instant) -> None:
        """Ask every address at once."""
        if not self.state.agreements.take_round(self.zone, now.monotonic_us):
            text = f"DS of {to_text(self.child)}: name servers not asked, too many are in this second"
            self.remark = Cause(EDE_OTHER, text, "ds-round.refused")
            self.state.count("ds_rounds_refused")
            self.state.finish(self)
            return
        parent = starting_point(self.state, self.child, TYPE_DS, False, now)
        if parent is not None and not parent.forward and is_subdomain(parent.zone, self.zone):
            self.zone = parent.zone
            electorate = voting_addresses(self.state, parent, now)
            if count_servers([server for server, _ in electorate]) >= DS_ROUND_SERVERS:
                for server, address in electorate:
                    self.voters.append(Voter(server, address, self.ask(parent, address, now)))
        waiting = False
        for voter in self.voters:
            if not voter.fetch.done and self.wait_for(voter.fetch):
                waiting = True
        if not waiting:
            self.conclude(now)
            return
        self.end = RoundEnd(self, now.monotonic_us + DS_ROUND_US)
        self.state.timers.add(self.end)

    def ask(self, parent: Delegation, address: bytes, now: Instant) -> FetchTask:
        """Ask one address."""
        task = FetchTask(
            self.state, self.exchanges, self.source, b"", self.child, TYPE_DS, self.budget, self.depth + 1, []
        )
        task.apart = True
        task.minimise = False
        only = Delegation(parent.zone, [NameServer(ROOT, [address])], FOREVER_US, parent.port, False)
        only.tcp_only = parent.tcp_only
        task.enter(only)
        task.step(now)
        return task

    def step(self, now: Instant) -> None:
        """Count when all have answered; who was silent before is not waited for once enough others have."""
        unheard = False
        for voter in self.voters:
            if not voter.fetch.done:
                if not voter.fetch.is_unheard():
                    return
                unheard = True
        if not unheard or count_servers([voter.server for voter in self.heard()]) >= DS_ROUND_SERVERS:
            self.conclude(now)

    def heard(self) -> list[Voter]:
        """Return those who have said anything."""
        return [voter for voter in self.voters if voter.vote(self.zone) is not None]

    def conclude(self, now: Instant) -> None:
        """Count the votes."""
        if self.end is not None:
            self.state.timers.cancel(self.end)
            self.end = None
        if not self.budget.spent():
            self.count_votes(now)
        self.state.finish(self)

    def count_votes(self, now: Instant) -> None:
        """Set the agreement, or why there is none."""
        heard = self.heard()
        servers = count_servers([voter.server for voter in heard])
        child, zone = to_text(self.child), to_text(self.zone)
        if servers < DS_ROUND_SERVERS:
            text = f"DS of {child}: fewer than {DS_ROUND_SERVERS} name servers of {zone} answered"
            self.remark = Cause(EDE_OTHER, text, "ds-round.unheard")
            self.state.count("ds_rounds_unheard")
            return
        first = heard[0]
        said = first.vote(self.zone)
        for other in heard[1:]:
            if other.vote(self.zone) != said:
                pair = f"{server_text(first.address)} and {server_text(other.address)}"
                text = f"DS of {child}: name servers of {zone} disagree on it ({pair})"
                self.remark = Cause(EDE_OTHER, text, "ds-round.disagreement")
                self.is_settled = True
                self.state.count("ds_rounds_disagreed")
                return
        self.is_settled = True
        who = f"{len(heard)} addresses of {servers} name servers of {zone}"
        ds = first.answer()
        if ds is None:
            self.remark = Cause(EDE_OTHER, f"DS of {child}: there is none, say {who}", "ds-round.denied")
            return
        self.state.count("ds_rounds_agreed")
        text = f"DS of {child} is what {who} agree on"
        self.agree(heard, ds, Cause(EDE_OTHER, text, "ds-round.agreement"), now)

    def agree(self, heard: list[Voter], ds: RRset, remark: Cause, now: Instant) -> None:
        """Remember what all said, and let it be judged before anything older: it may be signed well by now."""
        ttl_s = min([rrset.ttl for voter in heard if (rrset := voter.answer()) is not None])
        lifetime_s = max(min(ttl_s, DS_AGREEMENT_MAXIMUM_S), DS_AGREEMENT_MINIMUM_S)
        now_us = now.monotonic_us
        self.agreement = DsAgreement(ds, self.cause, remark, now_us + lifetime_s * 1_000_000)
        if self.policy_epoch != self.state.policy_epoch:
            return
        self.state.agreements.put(self.budget.view.key(self.child), self.agreement)
        expires_us = now_us + min(ttl_s, self.state.settings.maximum_ttl_s) * 1_000_000
        self.state.rrsets.put(CachedRRset(ds, UNCHECKED, RANK_ANSWER, now_us, expires_us, None, []), now_us)
        self.state.negatives.discard_attempt(self.child, TYPE_DS)


def voting_addresses(state: ResolverState, parent: Delegation, now: Instant) -> list[tuple[NameServer, bytes]]:
    """Return the known addresses of each name server that are worth a question: one of each server, then the next.

    Not worth one are those that rest, because they have been silent several times, and those that do not serve the
    zone. No addresses are looked for: what one question costs must not depend on what a zone says of its servers.
    """
    now_us = now.monotonic_us
    learned = parent.zone != ROOT and parent.expires_us != FOREVER_US
    by_server: list[list[bytes]] = []
    seen: list[bytes] = []
    for server in parent.servers:
        usable: list[bytes] = []
        for address in server_addresses(state, server.name, server.addresses, now)[:ADDRESSES_PER_NAME_SERVER]:
            entry = state.servers.get(address, now_us)
            resting = entry.backoff_until_us > now_us or entry.is_lame(parent.zone, TYPE_DS, now_us)
            if address not in seen and not resting and may_query(state, address, learned):
                seen.append(address)
                usable.append(address)
        by_server.append(usable)
    chosen: list[tuple[NameServer, bytes]] = []
    for turn in range(ADDRESSES_PER_NAME_SERVER):
        for at in range(len(by_server)):
            if turn < len(by_server[at]) and len(chosen) < DS_ROUND_ADDRESSES:
                chosen.append((parent.servers[at], by_server[at][turn]))
    return chosen


def count_servers(servers: list[NameServer]) -> int:
    """Return how many different name servers these are."""
    different: list[NameServer] = []
    for server in servers:
        if server not in different:
            different.append(server)
    return len(different)
