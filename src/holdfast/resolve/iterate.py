"""Fetching one RRset from the authoritative servers: the iterative algorithm of RFC 1034 section 5.3.3.

A fetch does not validate. It ends with an outcome (``classify`` names them) and the records that came with it; the
look-up that asked for it judges them.
"""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.effects import FAILURE_LOCAL, TRANSPORT_TCP, TRANSPORT_UDP
from holdfast.base.instant import Instant
from holdfast.base.limits import (
    ADDRESSES_PER_NAME_SERVER,
    NAME_SERVERS_PER_ZONE,
    OLD_DELEGATION_US,
    REFERRALS_PER_FETCH,
    RESTING_SERVERS_ASKED,
    RRSET_RECORDS,
    SENDS_PER_ZONE,
    SERVER_NAME_FAILURES_PER_FETCH,
    SERVER_NAME_LOOKUPS_PER_ZONE,
    SUBTASK_DEPTH,
)
from holdfast.cache.delegation_cache import Delegation, NameServer
from holdfast.cache.failure_cache import REFRESH_ERROR, REFRESH_UNREACHABLE
from holdfast.cache.negative_cache import NODATA, NXDOMAIN
from holdfast.cache.rrset_cache import rrset_key
from holdfast.cache.server_cache import EDNS_BROKEN, EDNS_WORKS, server_text
from holdfast.cache.stale_cut import StaleCut
from holdfast.dns.iana import (
    EDE_INVALID_DATA,
    EDE_NETWORK_ERROR,
    EDE_NO_REACHABLE_AUTHORITY,
    EDE_NOT_READY,
    EDE_OTHER,
    FLAG_AA,
    FLAG_TC,
    RCODE_BADCOOKIE,
    RCODE_BADVERS,
    RCODE_FORMERR,
    RCODE_NOTIMP,
    TYPE_A,
    TYPE_AAAA,
    TYPE_NS,
    rcode_name,
    type_name,
)
from holdfast.dns.message import Message
from holdfast.dns.name import ROOT, is_subdomain, label_count, parent, to_text
from holdfast.dns.rdata import rdata_name
from holdfast.resolve.classify import ANSWER, DNAME, EMPTY, ERROR, LAME, REFERRAL, Classified, classify, oversized
from holdfast.resolve.delegation import hints_delegation, learn_referral, learn_root, starting_point
from holdfast.resolve.exchange import DISPLACED, FAILED, RESPONSE, SUSPECT, TIMED_OUT, Exchange, ExchangeTable
from holdfast.resolve.last_known_good import end_server_cuts, open_server_cut, stale_name_servers
from holdfast.resolve.qname_minimisation import minimised
from holdfast.resolve.select_server import (
    choose_server,
    hints_were_silent,
    known_addresses,
    server_addresses,
    were_silent,
)
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import AddressSource, RequestBudget, Task

LAME_US: Final = 60_000_000  # long enough to stop asking, short enough to notice a repaired server
GLUE_RETRY_US: Final = 30_000_000  # below the five minutes of RFC 9520: a registry may add glue any time
HINTS_US: Final = 60_000_000  # use the hints for a minute when priming failed
MINIMISED_SILENCES: Final = 3  # time-outs of a minimised question before the full one (RFC 9156 section 2.3, relaxed)
CAUSES_KEPT: Final = 3  # of the servers' failures; more would not fit a client's buffer


class FetchTask(Task):
    """One fetch. After ``done``: ``found`` (None: failed, see ``causes``), ``message``, ``zone``, ``server``."""

    def __init__(
        self,
        state: ResolverState,
        exchanges: ExchangeTable,
        sources: AddressSource,
        key: bytes,
        name: bytes,
        rtype: int,
        budget: RequestBudget,
        depth: int,
        excluded: list[bytes],
    ) -> None:
        super().__init__(key, budget, depth)
        self.state: Final = state
        self.exchanges: Final = exchanges
        self.sources: Final = sources
        self.name: Final = name
        self.rtype: Final = rtype
        self.excluded: Final = excluded
        self.found: Classified | None = None
        self.message: Message | None = None
        self.causes: list[Cause] = []
        self.zone = ROOT
        self.server = b""
        self.delegation: Delegation | None = None
        self.exchange: Exchange | None = None
        self.lookups: list[Task] = []
        self.looked_up: list[bytes] = []
        self.glue_fetches: list[FetchTask] = []
        self.asked_for_glue: list[bytes] = []
        self.tried: dict[bytes, int] = {}
        self.sends = 0
        self.referrals = 0
        self.minimise = state.settings.qname_minimisation
        self.minimise_step = 0
        self.shown_labels = 0
        self.silences = 0  # about the current minimised question
        self.asked_name = name
        self.asked_type = rtype
        self.without_forward = False
        self.priming: FetchTask | None = None
        self.is_priming = False
        # Asks the servers of an override rule: what is known of zones and their servers is no matter.
        self.apart = False
        self.is_look = False  # whether the servers of ``name`` are back
        self.keys_wanted = False  # somebody is going to validate what is fetched
        self.glue_of = b""  # the zone whose parent is asked for glue
        self.empty: Message | None = None  # an authoritative answer without anything in it
        self.failure: int = REFRESH_UNREACHABLE  # what it will be if nothing better comes
        self.unanswered = 0  # queries to servers of the present zone that came to nothing
        self.resting = RESTING_SERVERS_ASKED  # of its resting servers that may still be asked
        self.entered_us = 0  # when the first server of the present zone was asked
        self.was_held = False  # failed without asking, because no server of the zone answers
        self.stale_cut: StaleCut | None = None  # an expired delegation on the way

    def step(self, now: Instant) -> None:
        """Go on: take a response, or look for the next server."""
        exchange = self.exchange
        if exchange is not None:
            if exchange.outcome == 0:
                return
            self.exchange = None
            self.take(exchange, now)
            return
        if self.delegation is None and not self.start(now):
            return
        if self.glue_fetches:
            self.take_glue(now)
        self.ask(now)

    def start(self, now: Instant) -> bool:
        """Find the zone cut to start from; False: waiting for the root to be primed, or failed."""
        top = parent(self.glue_of) if self.glue_of else self.name
        found = starting_point(self.state, top, self.rtype, self.without_forward, now)
        if found is None:
            if not self.state.settings.root_servers:
                self.add_cause(EDE_NO_REACHABLE_AUTHORITY, "no root servers are configured", "iterate.no-hints")
                self.state.finish(self)
                return False
            unprimed = self.state.settings.prime_root and not self.is_priming and self.priming is None
            if unprimed and not hints_were_silent(self.state, now):
                self.prime(now)
                return False
            found = hints_delegation(self.state, now.monotonic_us + HINTS_US)
            if not self.is_priming:
                self.state.delegations.put(found)
        self.enter(found)
        if self.priming is not None and self.priming.found is None and found.zone == ROOT:
            self.unanswered = self.priming.unanswered  # the same servers, just now
            self.entered_us = self.priming.entered_us
        if found.expires_us <= now.monotonic_us:
            self.stale_cut = open_server_cut(self.state, found, parent(found.zone), now)
        return True

    def prime(self, now: Instant) -> None:
        """Ask the hinted servers for the root's name servers first (RFC 9609)."""
        running = self.state.running.get(b"prime")
        if not isinstance(running, FetchTask):
            running = self.start_beside(b"prime", ROOT, RequestBudget(), self.depth + 1)
            running.is_priming = True
        self.priming = running
        if not self.wait_for(running):
            self.state.wake(self)  # priming waits for this very fetch: the hints have to do

    def enter(self, delegation: Delegation) -> None:
        """Go to the servers of a zone."""
        self.delegation = delegation
        self.zone = delegation.zone
        self.tried = {}
        self.sends = 0
        self.unanswered = 0
        self.resting = RESTING_SERVERS_ASKED
        self.entered_us = 0
        self.shown_labels = label_count(delegation.zone)
        self.next_question()

    def next_question(self) -> None:
        """Decide what to ask the current servers."""
        self.asked_name = self.name
        self.asked_type = self.rtype
        self.silences = 0
        if self.minimise and self.delegation is not None and not self.delegation.forward:
            self.asked_name = minimised(self.name, self.zone, self.shown_labels, self.minimise_step)
            if self.asked_name != self.name:
                self.asked_type = TYPE_A

    def ask(self, now: Instant) -> None:
        """Send the question to the best server, or find addresses, or give up."""
        delegation = self.delegation
        if delegation is None:
            return
        if self.sends == 0 and not self.budget.is_probe and not self.apart:
            held = self.state.broken.held(self.zone, now.monotonic_us)
            if held is not None:
                self.was_held = True
                self.rest_on(held.asked_us)
                self.causes = list(held.causes)
                self.give_up(delegation, now)
                return
        if self.sends == 0 and not self.unanswered:
            self.entered_us = now.monotonic_us
        elif self.unanswered and now.monotonic_us - self.entered_us >= OLD_DELEGATION_US:
            if self.is_priming:
                self.give_up(delegation, now)  # the hints do as well
                return
            if self.cross(now):
                return
        addresses = known_addresses(self.state, delegation, now)
        choice = b""
        if self.sends < SENDS_PER_ZONE:
            choice = choose_server(self.state, self.zone, self.asked_type, addresses, self.tried, self.excluded, now)
        if choice:
            server = self.state.servers.get(choice, now.monotonic_us)
            if server.timeouts and self.sends == 0 and self.cross_at_once(addresses, now):
                return
            if server.backoff_until_us > now.monotonic_us:
                self.resting -= 1
                if self.resting < 0:
                    choice = b""
        if choice:
            self.send(choice, delegation, TRANSPORT_TCP if delegation.tcp_only else TRANSPORT_UDP, now)
            return
        if self.sends < SENDS_PER_ZONE and (
            self.look_for_addresses(delegation, now) or self.look_for_glue(delegation, now)
        ):
            return
        self.give_up(delegation, now)

    def send(self, address: bytes, delegation: Delegation, transport: int, now: Instant) -> None:
        """Send one query."""
        if not self.budget.take():
            self.add_cause(EDE_OTHER, f"too many queries needed for {self.question()}", "iterate.query-budget")
            self.state.finish(self)
            return
        self.tried[address] = self.tried.get(address, 0) + 1
        self.sends += 1
        self.server = address
        self.exchange = self.exchanges.send(
            self, address, delegation.port, transport, self.asked_name, self.asked_type, delegation.forward, now
        )
        if self.exchange is None:
            self.add_cause(
                EDE_NETWORK_ERROR, f"too many queries in flight to {server_text(address)}", "iterate.server-full"
            )
            self.state.wake(self)

    def look_for_addresses(self, delegation: Delegation, now: Instant) -> bool:
        """Look up addresses of name servers that have none yet; False: nothing more can be found."""
        if any(not task.done for task in self.lookups):
            return True
        if len(self.looked_up) >= SERVER_NAME_FAILURES_PER_FETCH or self.depth >= SUBTASK_DEPTH:
            return False
        started = 0
        for server in delegation.servers:
            if started >= SERVER_NAME_LOOKUPS_PER_ZONE:
                break
            if server.name == ROOT or server.name in self.looked_up:
                continue
            if server_addresses(self.state, server.name, server.addresses, now) and not server.addresses:
                continue
            if is_subdomain(server.name, delegation.zone) and not server.addresses:
                continue  # its own servers could tell, but these are what is missing: see look_for_glue
            self.looked_up.append(server.name)
            if self.start_lookups(server.name, now):
                started += 1
                if not self.state.settings.fetch_all_addresses or started >= 2:
                    break
        return started > 0

    def start_lookups(self, name: bytes, now: Instant) -> bool:
        """Start look-ups of one server name in the address families in use."""
        waiting = False
        for rtype in self.address_types():
            if not self.budget.take_server_name():
                break
            task = self.sources.lookup_address(name, rtype, self.budget, self.depth + 1, now)
            if task.done:
                self.state.wake(self)
            elif not self.wait_for(task):
                continue
            self.lookups.append(task)
            waiting = True
        return waiting

    def look_for_glue(self, delegation: Delegation, now: Instant) -> bool:
        """Ask the parent's servers for the address of a name server inside the zone that came without glue."""
        if any(not task.done for task in self.glue_fetches):
            return True
        if len(self.asked_for_glue) >= SERVER_NAME_LOOKUPS_PER_ZONE or self.depth >= SUBTASK_DEPTH:
            return False
        for server in delegation.servers:
            if server.addresses or server.name in self.asked_for_glue or delegation.zone == ROOT:
                continue
            if not is_subdomain(server.name, delegation.zone) or server.glue_retry_us > now.monotonic_us:
                continue
            self.asked_for_glue.append(server.name)
            if self.start_glue_fetches(server.name, delegation.zone):
                return True
        return False

    def start_glue_fetches(self, name: bytes, zone: bytes) -> bool:
        """Start fetches of glue in the address families in use; they end where the parent refers to the zone."""
        waiting = False
        for rtype in self.address_types():
            key = b"g" + rrset_key(name, rtype)
            task = self.state.running.get(key)
            if not isinstance(task, FetchTask):
                task = FetchTask(
                    self.state, self.exchanges, self.sources, key, name, rtype, self.budget, self.depth + 1, []
                )
                task.glue_of = zone
                task.minimise = False
                self.state.running[key] = task
                self.state.wake(task)
            if self.wait_for(task):
                self.glue_fetches.append(task)
                waiting = True
        return waiting

    def take_glue(self, now: Instant) -> None:
        """Add the glue that was found to the delegation; if there is none, that is remembered for a while."""
        delegation = self.delegation
        for task in self.glue_fetches:
            if not task.done or delegation is None or task.glue_of != delegation.zone:
                continue
            self.rest_on(task.asked_us)
            for server in delegation.servers:
                if server.name == task.name:
                    found = task.glue()[:ADDRESSES_PER_NAME_SERVER]
                    server.addresses.extend(address for address in found if address not in server.addresses)
                    server.glue_retry_us = now.monotonic_us + GLUE_RETRY_US
        self.glue_fetches = [task for task in self.glue_fetches if not task.done]

    def glue(self) -> list[bytes]:
        """Return the addresses that a fetch of glue found: as an answer, or beside the referral."""
        if self.found is not None and self.found.kind == ANSWER and self.found.rrset is not None:
            return self.found.rrset.rdatas
        for rrset in self.message.additional if self.message is not None else []:
            if rrset.name == self.name and rrset.rtype == self.rtype:
                return rrset.rdatas
        return []

    def address_types(self) -> list[int]:
        """Return the types of the address families in use."""
        settings = self.state.settings
        types = [TYPE_A] if settings.use_ipv4 else []
        return [*types, TYPE_AAAA] if settings.use_ipv6 else types

    def take(self, exchange: Exchange, now: Instant) -> None:
        """Deal with the end of an exchange."""
        if exchange.message is not None:
            self.take_message(exchange, exchange.message, now)
            return
        where = f"{server_text(exchange.address)} for {to_text(self.asked_name)} {type_name(self.asked_type)}"
        if exchange.outcome == TIMED_OUT or (exchange.outcome == FAILED and exchange.failure != FAILURE_LOCAL):
            self.unanswered += 1
        if exchange.outcome == TIMED_OUT:
            self.add_cause(EDE_NETWORK_ERROR, f"no response from {where}", "iterate.timeout")
            self.count_silence()
        elif exchange.outcome == FAILED:
            text = "no local resources to ask" if exchange.failure == FAILURE_LOCAL else "cannot reach"
            self.add_cause(EDE_NETWORK_ERROR, f"{text} {where}", "iterate.unreachable")
        elif exchange.outcome == DISPLACED:
            # Asking again would displace the next one, and so on.
            self.add_cause(EDE_OTHER, f"too many queries in flight: gave up waiting for {where}", "iterate.displaced")
            self.state.finish(self)
            return
        elif exchange.outcome == SUSPECT and self.delegation is not None:
            # Somebody guesses; over TCP a guess has to hit the connection as well (RFC 5452 section 9.2).
            self.send(exchange.address, self.delegation, TRANSPORT_TCP, now)
            return
        elif exchange.outcome == RESPONSE:
            self.add_cause(EDE_INVALID_DATA, f"malformed response from {where}", "iterate.malformed")
        self.ask(now)

    def count_silence(self) -> None:
        """Show the full name to servers that are silent about a shorter one: some drop what they do not expect."""
        if self.asked_name != self.name:
            self.silences += 1
            if self.silences >= MINIMISED_SILENCES:
                self.minimise = False
                self.tried = {}
                self.next_question()

    def take_message(self, exchange: Exchange, message: Message, now: Instant) -> None:
        """Deal with a well-formed response that belongs to the question."""
        delegation = self.delegation
        if delegation is None:
            return
        if self.state.settings.error_reporting and not self.apart:
            self.state.reports.learn(self.zone, message)
        server = self.state.servers.get(exchange.address, now.monotonic_us)
        if message.rcode == RCODE_BADCOOKIE and self.sends < SENDS_PER_ZONE:
            transport = exchange.transport if self.tried[exchange.address] < 2 else TRANSPORT_TCP
            self.send(exchange.address, delegation, transport, now)
            return
        dislikes_edns = exchange.with_edns and message.rcode in (RCODE_FORMERR, RCODE_NOTIMP, RCODE_BADVERS)
        if dislikes_edns and (server.edns != EDNS_WORKS or message.edns is None):
            server.edns = EDNS_BROKEN  # RFC 6891 section 6.2.2
            self.send(exchange.address, delegation, exchange.transport, now)
            return
        if message.flags & FLAG_TC and exchange.transport == TRANSPORT_UDP:
            self.send(exchange.address, delegation, TRANSPORT_TCP, now)
            return
        huge = oversized(message)
        if huge is not None:
            where = f"{server_text(exchange.address)} for {self.question()}"
            text = f"more than {RRSET_RECORDS} records in {to_text(huge.name)} {type_name(huge.rtype)} from {where}"
            self.add_cause(EDE_OTHER, text, "iterate.rrset-records")
            self.failure = REFRESH_ERROR
            self.tried[exchange.address] = SENDS_PER_ZONE
            self.ask(now)
            return
        if self.zone == ROOT and not self.apart:
            self.state.root_answered = True
        found = classify(message, self.asked_name, self.asked_type, self.zone, delegation.forward)
        if found.kind == ERROR or found.kind == LAME or found.kind == EMPTY:
            self.take_error(exchange, message, found, now)
        elif found.kind == REFERRAL:
            self.follow(found, message, delegation, now)
        elif self.asked_name != self.name:
            self.take_minimised(found, now)
        else:
            self.take_final(found, message, delegation, now)

    def take_final(self, found: Classified, message: Message, delegation: Delegation, now: Instant) -> None:
        """Finish with what was asked for."""
        self.found = found
        self.message = message
        if self.is_priming:
            learn_root(self.state, found, message, now)
        elif self.is_look:
            end_server_cuts(self.state, self.zone)
        elif found.apex is not None and message.flags & FLAG_AA and not delegation.child_servers:
            known = [server.name for server in delegation.servers]
            names = [rdata_name(TYPE_NS, rdata) for rdata in found.apex.rdatas[:NAME_SERVERS_PER_ZONE]]
            delegation.child_servers = [name for name in names if name not in known]
        self.state.finish(self)

    def take_error(self, exchange: Exchange, message: Message, found: Classified, now: Instant) -> None:
        """Remember a server that is lame or broken for this zone and go on to the next one."""
        self.failure = REFRESH_ERROR
        if self.asked_name != self.name:
            # RFC 9156 section 2.3: servers that dislike the minimised question may like the full one.
            self.minimise = False
            self.next_question()
            self.tried.pop(exchange.address, None)
            self.ask(now)
            return
        where = f"{server_text(exchange.address)} for {self.question()}"
        if found.kind == ERROR:
            self.add_cause(EDE_NETWORK_ERROR, f"{rcode_name(message.rcode)} from {where}", "iterate.rcode")
        elif found.kind == EMPTY:
            self.empty = message
            self.add_cause(EDE_NETWORK_ERROR, f"empty answer without SOA from {where}", "iterate.empty")
        else:
            self.add_cause(EDE_NETWORK_ERROR, f"lame delegation: useless answer from {where}", "iterate.lame")
            server = self.state.servers.get(exchange.address, now.monotonic_us)
            server.note_lame(self.zone, self.asked_type, now.monotonic_us + LAME_US)
        self.tried[exchange.address] = SENDS_PER_ZONE
        self.ask(now)

    def follow(self, found: Classified, message: Message, delegation: Delegation, now: Instant) -> None:
        """Follow a referral."""
        self.referrals += 1
        if self.referrals > REFERRALS_PER_FETCH:
            self.add_cause(EDE_OTHER, f"too many referrals for {self.question()}", "iterate.referrals")
            self.state.finish(self)
            return
        if self.glue_of and found.cut is not None and is_subdomain(found.cut.name, self.glue_of):
            self.take_final(found, message, delegation, now)  # what the parent knows; the zone is out of reach
            return
        child = learn_referral(self.state, found, message, self.state.settings.upstream_port, now)
        if child is not None:
            self.enter(child)
            self.ask(now)
            if self.keys_wanted and found.ds is not None:
                # What comes will need the zone's keys: asked for now, they arrive together; DS is verified meanwhile.
                self.sources.trust_in(child.zone, self.budget, self.depth, now)

    def take_minimised(self, found: Classified, now: Instant) -> None:
        """The shown part of the name is inside the zone: show more, or all if the answer was strange."""
        self.minimise_step += 1
        self.shown_labels = label_count(self.asked_name)
        if found.kind == NXDOMAIN or found.kind == DNAME:
            # Some servers deny empty non-terminals, so the full question decides (RFC 9156 section 3).
            self.minimise = False
        self.tried = {}
        self.next_question()
        self.ask(now)

    def give_up(self, delegation: Delegation, now: Instant) -> None:
        """All servers of the zone failed."""
        for task in self.lookups:
            self.rest_on(task.asked_us)
        if self.sends == 0 and not self.was_held:
            self.rest_on(now.monotonic_us - LAME_US)  # nobody was to be asked, by what is remembered of the servers
        if delegation.fallback and not self.without_forward:
            self.without_forward = True
            self.delegation = None
            self.causes = []
            self.state.wake(self)
            return
        if self.turn_to_child_servers(delegation):
            self.ask(now)
            return
        if self.empty is not None:
            # No server has more to say: NODATA without SOA, type 3 of RFC 2308 section 2.2.
            self.found = Classified(NODATA)
            self.message = self.empty
            self.state.finish(self)
            return
        if self.cross(now):
            return
        if self.was_held:
            self.state.finish(self)
            return
        self.causes = self.causes[:CAUSES_KEPT]
        text = f"no reachable authority for {to_text(self.zone)} (asking for {self.question()})"
        self.causes.append(Cause(EDE_NO_REACHABLE_AUTHORITY, text, "iterate.no-authority"))
        if self.zone == ROOT and not delegation.forward and not self.state.root_answered:
            text = "no root server has answered since this resolver started"
            self.causes.append(Cause(EDE_NOT_READY, text, "iterate.not-ready"))
        self.state.finish(self)

    def cross(self, now: Instant) -> bool:
        """Go on with an expired delegation below a zone whose servers are silent; False: they are not, or none is."""
        if self.failure != REFRESH_UNREACHABLE or self.apart:
            return False
        below = stale_name_servers(self.state, self.name, self.rtype, self.zone, now)
        if below is None:
            return False
        below.crossed_until_us = now.monotonic_us + self.state.settings.failure_recheck_timer_s * 1_000_000
        self.stale_cut = open_server_cut(self.state, below, self.zone, now)
        self.causes = []
        self.enter(below)
        self.state.wake(self)
        return True

    def cross_at_once(self, addresses: list[bytes], now: Instant) -> bool:
        """Cross a zone without asking it if all its servers were silent of late; they are asked beside this."""
        zone = self.zone
        if self.budget.is_probe or not were_silent(self.state, addresses, now) or not self.cross(now):
            return False
        self.look_at(zone)
        return True

    def is_unheard(self) -> bool:
        """Tell whether servers are silent that this fetch asks now."""
        return self.unanswered > 0 or (self.exchange is not None and self.exchange.server.timeouts > 0)

    def look_at(self, zone: bytes) -> None:
        """Ask the servers of a silent zone for anything, so that they are seen to be back; nobody waits for it."""
        key = b"w" + zone
        if key not in self.state.running:
            budget = RequestBudget()
            budget.is_probe = True
            self.start_beside(key, zone, budget, 0).is_look = True

    def start_beside(self, key: bytes, zone: bytes, budget: RequestBudget, depth: int) -> "FetchTask":
        """Start a fetch of the name servers of a zone."""
        task = FetchTask(self.state, self.exchanges, self.sources, key, zone, TYPE_NS, budget, depth, [])
        self.state.running[key] = task
        self.state.wake(task)
        return task

    def turn_to_child_servers(self, delegation: Delegation) -> bool:
        """Go on with the servers that only the zone itself names (RFC 2181 section 5.4.1); False: there are none."""
        names = delegation.child_servers
        if not names:
            return False
        servers = [*delegation.servers, *(NameServer(name, []) for name in names)]
        self.delegation = Delegation(delegation.zone, servers, delegation.expires_us, delegation.port, False)
        self.sends = 0
        return True

    def add_cause(self, info_code: int, text: str, site: str) -> None:
        """Note why a server did not help."""
        if len(self.causes) < CAUSES_KEPT:
            self.causes.append(Cause(info_code, text, site))

    def question(self) -> str:
        """Write the question of this fetch."""
        return f"{to_text(self.name)} {type_name(self.rtype)}"
