"""The resolver as one deterministic state machine: packets, failures and time go in, effects come out.

It reads no clock, no socket, no file and no random source. The story of a query: ``receive_client_query`` admits it and
looks into the packet cache; on a miss a ``RequestTask`` collects the links of the answer with look-ups; a look-up uses
the caches, or a ``FetchTask`` that talks to servers, and has a ``TrustTask`` find the keys that judge the data. When
the request is done, every client that waits for it gets its answer as a ``SendAnswer`` effect.
"""

from typing import Final

from holdfast.base.audience import Audience
from holdfast.base.cause import Cause
from holdfast.base.effects import TRANSPORT_UDP, Client, DropQuery, Effect, SendAnswer
from holdfast.base.entropy import Entropy
from holdfast.base.instant import Instant
from holdfast.base.limits import BRIEF_PACKET_US, PACKET_CACHE_SHARE
from holdfast.base.override_rule import OverrideRule
from holdfast.base.security_status import INDETERMINATE
from holdfast.base.settings import EngineSettings, TrustAnchorSetting
from holdfast.cache.packet_cache import PacketCache, PacketEntry
from holdfast.cache.second_level import SecondLevelCache
from holdfast.cache.zone_health import ZoneHealth
from holdfast.dns.iana import (
    CLASS_CH,
    CLASS_IN,
    EDE_OTHER,
    EDE_OVER_QUOTA,
    EDE_PROHIBITED,
    FLAG_AD,
    FLAG_CD,
    FLAG_QR,
    FLAG_RD,
    RCODE_FORMERR,
    RCODE_NOERROR,
    RCODE_REFUSED,
    RCODE_SERVFAIL,
    TYPE_NS,
    TYPE_TXT,
)
from holdfast.dns.message import Question, parse_question
from holdfast.dns.rrset import RRset
from holdfast.dnssec.anchor_report import AnchorReport
from holdfast.dnssec.negative_trust_anchor import NegativeTrustAnchor
from holdfast.dnssec.verifier import SignatureVerifier
from holdfast.engine.inputs import Resolution
from holdfast.engine.sum_up import sum_up
from holdfast.resolve.recall import forget_name, forget_subtree
from holdfast.resolve.shadow import revalidate
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import Task
from holdfast.resolve.tasks import Tasks
from holdfast.resolve.trust_decisions import (
    put_anchor,
    put_negative_anchor,
    remove_anchor,
    remove_negative_anchor,
)
from holdfast.service.admission import Admission, prohibited
from holdfast.service.cache_only import cut_to_refer_to, without_recursion
from holdfast.service.chaos import chaos_texts
from holdfast.service.client_options import SEED_OCTETS, ClientOptions
from holdfast.service.completion import complete
from holdfast.service.override_rules import OverrideRules
from holdfast.service.rebinding import PrivateAddresses
from holdfast.service.recent_questions import RecentQuestions
from holdfast.service.request import NEVER_US, RequestTask, WaitingClient
from holdfast.service.respond import Part, Response, write_response
from holdfast.service.rule_decisions import arrange_rules, put_rules, rehearse_rules
from holdfast.service.rule_rehearsal import Rehearsal
from holdfast.service.special_names import SpecialNames

HEADER_OCTETS: Final = 12
EPOCH_BITS: Final = 0xFFFFFFF  # of the policy epoch in a packet key, beside four flags in four octets


class Finisher(RequestTask):
    """A request that hands its response to the engine when it ends."""

    def __init__(
        self,
        engine: "ResolverEngine",
        rules: OverrideRules,
        key: bytes,
        name: bytes,
        rtype: int,
        validate: bool,
        audience: Audience,
    ) -> None:
        super().__init__(
            engine.state, engine.tasks, engine.special, engine.private, rules, key, name, rtype, validate, audience
        )
        self.engine: Final = engine
        self.now: Instant = Instant(0, 0)

    def step(self, now: Instant) -> None:
        """Remember the time for the answer."""
        self.now = now
        super().step(now)

    def give_up(self, now: Instant) -> None:
        """Remember the time for the answer."""
        self.now = now
        super().give_up(now)

    def end(self) -> None:
        """Answer the clients."""
        super().end()
        if not self.state.settings.minimal_responses:
            checked = self.validate and self.state.settings.validate
            first_us = complete(self.state, self.private, self.response, checked, self.now)
            if first_us >= 0:
                self.expires_us = min(self.expires_us, first_us)
        self.engine.answer_clients(self, self.now)


class ReferralFinisher(Finisher):
    """A request for the NS RRset of a zone that goes to its client as a referral (RFC 1034 section 4.3.2 step 4)."""

    def end(self) -> None:
        """Show the name servers in the authority section, or nothing if they are not to be believed."""
        referral = Response(RCODE_NOERROR)
        if self.response.rcode == RCODE_NOERROR and self.response.answer:
            referral.name_servers = self.response.answer[0]
        else:
            self.status = INDETERMINATE
        self.response = referral
        self.cacheable = False
        super().end()


class Readmission(Task):
    """The clients of a request that a trust decision overtook: they are served as that decision says."""

    def __init__(self, engine: "ResolverEngine", request: Finisher, clients: list[WaitingClient]) -> None:
        super().__init__(b"", request.budget, 0)
        self.engine: Final = engine
        self.request: Final = request
        self.clients: Final = clients

    def step(self, now: Instant) -> None:
        """Ask for each of them once more; what was learned is in the caches."""
        self.done = True
        for waiting in self.clients:
            self.engine.readmit(self.request, waiting, now)


class ResolverEngine:
    """See the module's text. All methods take ``now`` and must be called by one thread."""

    def __init__(self, settings: EngineSettings, verifier: SignatureVerifier, entropy: Entropy, now: Instant) -> None:
        self.settings: Final = settings
        self.state: Final = ResolverState(settings, verifier, entropy)
        self.tasks: Final = Tasks(self.state)
        self.special: Final = SpecialNames(settings)
        self.private: Final = PrivateAddresses(settings)
        self.rules: Final = OverrideRules()
        self.recent: Final = RecentQuestions(entropy.question_sample)
        self.admission: Final = Admission(settings)
        self.audiences: Final = self.state.audiences
        self.options: Final = ClientOptions(settings, entropy.server_cookie.take(SEED_OCTETS))
        self.packets: Final = PacketCache(settings.cache_bytes // PACKET_CACHE_SHARE)
        self.outstanding = 0
        self.waiting: Final[dict[int, WaitingClient]] = {}  # in the order of arrival
        self.waiting_of: Final[dict[bytes, dict[int, WaitingClient]]] = {}  # the same by client address
        self.arrivals = 0
        self.results: list[Resolution] = []
        self.queries = 0
        self.packet_hits = 0
        self.tasks.watch_anchors(now)
        put_rules(self.state, self.rules, settings.override_rules, now)

    def attach_second_level(self, cache: SecondLevelCache) -> None:
        """Use a cache below this one from now on; what is judged is handed to it as ``Remember`` and ``Forget``."""
        self.state.second_level = cache

    # -- clients --------------------------------------------------------------------------------------------------

    def receive_client_query(self, client: Client, wire: bytes, now: Instant) -> bytes | None:
        """Take a client's query. Returns the answer if it is known already, which spares the common case an effect.

        None: the answer comes later as ``SendAnswer``, or the query was dropped (``DropQuery``).
        """
        self.queries += 1
        question = parse_question(wire)
        if isinstance(question, int):
            return self.answer_garbage(client, wire, question, now)
        if question.flags & FLAG_QR:
            return self.drop(client, "a response instead of a query")
        options = self.options.read(question, client, now)
        if not self.admission.within_rate(client.address, options.proven, now.monotonic_us):
            return self.drop(client, "rate limit")
        if not self.admission.is_allowed(client.address):
            return self.refuse(client, question, options.octets, RCODE_REFUSED, prohibited())
        if options.malformed:
            cause = Cause(EDE_OTHER, f"malformed EDNS option {options.malformed}", "engine.option")
            return self.refuse(client, question, options.octets, RCODE_FORMERR, cause)
        refusal = self.admission.refuse(question)
        if refusal is not None:  # before the packet cache: its key does not tell RD and the version of EDNS
            return self.refuse(client, question, options.octets, refusal.rcode, refusal.cause)
        audience = self.audiences.of(client.service, client.address)
        if self.queries >= self.recent.due:
            self.note_question(question, client, now)
        key = self.packet_key(wire, question, audience)
        cached = self.packets.get(key, wire, question.end, now.monotonic_us, options.octets)
        if cached is not None and self.fits(cached, question, client):
            self.packet_hits += 1
            return cached
        waiting = WaitingClient(client, question, options.octets, 0)
        return self.start_request(waiting, client, question, audience, key, now)

    def note_question(self, question: Question, client: Client, now: Instant) -> None:
        """Remember what is asked, for rehearsing rules."""
        if question.qclass == CLASS_IN:
            self.recent.note(
                self.queries, question.qname, question.qtype, client.service, client.address, now.monotonic_us
            )

    def packet_key(self, wire: bytes, question: Question, audience: Audience) -> bytes:
        """Return the key of a question: name in lower case, type, class, and what else changes the answer."""
        flags = (self.state.policy_epoch & EPOCH_BITS) << 4
        if question.flags & FLAG_CD:
            flags |= 1
        if question.flags & FLAG_AD:
            flags |= 2
        edns = question.edns
        if edns is not None:
            flags |= 8
            if edns.do:
                flags |= 4
        end = question.end
        key = wire[HEADER_OCTETS : end - 4].lower() + wire[end - 4 : end] + flags.to_bytes(4, "big")
        return key + audience.key if audience.key else key

    def fits(self, wire: bytes, question: Question, client: Client) -> bool:
        """Tell whether a stored answer fits the client; a 1232 octet answer nearly always does."""
        if client.transport != TRANSPORT_UDP:
            return True
        if question.edns is None:
            return len(wire) <= 512
        return len(wire) <= question.edns.udp_octets or len(wire) <= 512

    def answer_garbage(self, client: Client, wire: bytes, rcode: int, now: Instant) -> bytes | None:
        """Answer what cannot be parsed with its own ID and nothing else, or not at all."""
        if rcode < 0 or len(wire) < HEADER_OCTETS or wire[2] & 0x80 or not self.admission.is_allowed(client.address):
            return self.drop(client, "not a DNS query")
        if not self.admission.within_rate(client.address, client.transport != TRANSPORT_UDP, now.monotonic_us):
            return self.drop(client, "rate limit")
        return wire[:2] + bytes([0x80 | (wire[2] & 0x79), 0x80 | rcode]) + b"\x00" * 8

    def drop(self, client: Client, reason: str) -> bytes | None:
        """Say nothing."""
        self.state.effects.append(DropQuery(client, reason))
        self.state.count("dropped_queries")
        return None

    def refuse(self, client: Client, question: Question, options: bytes, rcode: int, cause: Cause | None) -> bytes:
        """Answer with an RCODE and its cause."""
        response = Response(rcode)
        if cause is not None:
            response.causes.append(cause)
            if cause.info_code == EDE_PROHIBITED:
                response.recursion_available = False
                self.state.count("refused_queries")
        return self.respond(client, question, options, response)

    def respond(self, client: Client, question: Question, options: bytes, response: Response) -> bytes:
        """Write a response that is not kept."""
        is_stream = client.transport != TRANSPORT_UDP
        return write_response(question, response, is_stream, self.settings, len(options)).with_options(options)

    def start_request(
        self,
        waiting: WaitingClient,
        client: Client,
        question: Question,
        audience: Audience,
        key: bytes,
        now: Instant,
    ) -> bytes | None:
        """Work on a question, or join those who do."""
        if question.qclass == CLASS_CH:
            return self.answer_chaos(client, question, waiting.options)
        self.recent.look_at_clock(self.queries, now.monotonic_us)
        cut = b""
        if not question.flags & FLAG_RD and not self.rules.answers(question.qname, question.qtype, audience):
            response = without_recursion(self.state, question, audience, now)
            if response is not None:
                cut = cut_to_refer_to(self.state, question, now) if response.rcode == RCODE_NOERROR else b""
                if not cut:
                    return self.respond(client, question, waiting.options, response)
        request_key = (b"n" if cut else b"r") + key
        running = self.state.running.get(request_key)
        if isinstance(running, Finisher) and running.can_join():
            self.wait(running, waiting)
            self.state.count("joined_queries")
            return None
        validate = not question.flags & FLAG_CD
        request = (
            ReferralFinisher(self, self.rules, request_key, cut, TYPE_NS, validate, audience)
            if cut
            else Finisher(self, self.rules, request_key, question.qname, question.qtype, validate, audience)
        )
        self.state.running[request.key] = request
        request.step(now)
        if request.done:
            written = self.write(request, question, client, waiting.options, now)
            self.state.run_ready(now)
            return written
        self.wait(request, waiting)
        request.arm(now)
        self.state.run_ready(now)
        return None

    def answer_chaos(self, client: Client, question: Question, options: bytes) -> bytes:
        """Answer version.bind, id.server, trustanchor.server and their like."""
        rdatas = chaos_texts(self.state, question.qname, question.qtype)
        response = Response(RCODE_REFUSED if rdatas is None else RCODE_NOERROR)
        if rdatas:
            rrset = RRset(question.qname, TYPE_TXT, 0, rdatas, [])
            response.answer.append(Part(rrset, 0))
        return self.respond(client, question, options, response)

    def wait(self, request: Finisher, waiting: WaitingClient) -> None:
        """Let a client wait for a request. If too many wait, the one that has waited longest gives way.

        So a flood of questions that nobody answers does not keep out those that are answered in milliseconds; and one
        client fills its own share only.
        """
        request.clients.append(waiting)
        self.outstanding += 1
        client = waiting.client
        if client is None:
            return
        self.arrivals += 1
        waiting.number = self.arrivals
        waiting.request = request
        mine = self.waiting_of.setdefault(client.address, {})
        mine[waiting.number] = waiting
        self.waiting[waiting.number] = waiting
        if len(mine) > self.settings.outstanding_per_client:
            self.displace(mine[next(iter(mine))])
        elif len(self.waiting) > self.settings.outstanding_requests:
            self.displace(self.waiting[next(iter(self.waiting))])

    def forget(self, waiting: WaitingClient) -> None:
        """A client does not wait any more."""
        self.outstanding -= 1
        waiting.request = None
        if waiting.client is not None:
            del self.waiting[waiting.number]
            mine = self.waiting_of[waiting.client.address]
            del mine[waiting.number]
            if not mine:
                del self.waiting_of[waiting.client.address]

    def displace(self, waiting: WaitingClient) -> None:
        """Answer SERVFAIL to a client that waits, and forget its request if nobody else waits for it."""
        request = waiting.request
        client = waiting.client
        self.forget(waiting)
        if request is None or client is None or waiting.question is None:
            return
        self.state.count("displaced_requests")
        cause = Cause(EDE_OVER_QUOTA, "too many questions are waiting for an answer; try again", "engine.overload")
        answer = self.refuse(client, waiting.question, waiting.options, RCODE_SERVFAIL, cause)
        self.state.effects.append(SendAnswer(client, answer))
        request.clients.remove(waiting)
        if not request.clients:
            request.abandon()

    def answer_clients(self, request: Finisher, now: Instant) -> None:
        """The request is done: answer everyone who waits."""
        if request.is_outdated() and request.clients:
            for waiting in request.clients:
                self.forget(waiting)
            self.state.wake(Readmission(self, request, request.clients))
            request.clients = []
            return
        for waiting in request.clients:
            self.forget(waiting)
            client = waiting.client
            if client is None or waiting.question is None:
                self.results.append(sum_up(self.state, request, waiting.token, now))
                continue
            written = self.write(request, waiting.question, client, waiting.options, now)
            self.state.effects.append(SendAnswer(client, written))
        request.clients = []

    def readmit(self, request: Finisher, waiting: WaitingClient, now: Instant) -> None:
        """Begin anew for a client that was forgotten."""
        client = waiting.client
        question = waiting.question
        if client is None or question is None:
            by_rules = request.rules is self.rules
            self.resolve(waiting.token, request.name, request.rtype, not request.validate, now, by_rules)
            return
        audience = self.audiences.of(client.service, client.address)
        asked = question.qname_wire + question.qtype.to_bytes(2, "big") + question.qclass.to_bytes(2, "big")
        key = self.packet_key(bytes(HEADER_OCTETS) + asked, question, audience)
        answer = self.start_request(waiting, client, question, audience, key, now)
        if answer is not None:
            self.state.effects.append(SendAnswer(client, answer))

    def write(self, request: RequestTask, question: Question, client: Client, options: bytes, now: Instant) -> bytes:
        """Write the response for a client, and keep it as a packet if it is worth it."""
        is_stream = client.transport != TRANSPORT_UDP
        written = write_response(question, request.response, is_stream, self.settings, len(options))
        now_us = now.monotonic_us
        if request.cacheable and written.complete and request.expires_us > now_us and request.expires_us != NEVER_US:
            refresh_us = request.expires_us
            if request.brief:
                refresh_us = min(refresh_us, now_us + BRIEF_PACKET_US)
            elif self.settings.prefetch:
                refresh_us = min(refresh_us, request.refresh_us)
            key = request.key[1:]
            entry = PacketEntry(
                written.wire,
                written.ttl_offsets,
                written.opt_offset,
                now_us,
                refresh_us,
                request.zone_soa,
                request.soa_version,
                request.hits,
            )
            self.packets.put(key, entry)
        if request.hits is not None:
            for counter in request.hits:
                counter.hits += 1
        return written.with_options(options)

    # -- upstream and time ----------------------------------------------------------------------------------------

    def receive_upstream_response(self, exchange_id: int, source: bytes, wire: bytes, now: Instant) -> None:
        """Take a datagram or TCP message that arrived for an exchange; ``source`` is its packed address."""
        self.tasks.exchanges.receive(exchange_id, source, wire, now)
        self.state.run_ready(now)

    def fail_upstream_query(self, exchange_id: int, failure: int, now: Instant) -> None:
        """The driver could not complete an exchange; ``failure`` is one of ``FAILURE_*``."""
        self.tasks.exchanges.fail(exchange_id, failure, now)
        self.state.run_ready(now)

    def handle_timer(self, now: Instant) -> None:
        """Fire everything that is due."""
        self.state.timers.fire(now)
        if self.state.shadows.ended:
            revalidate(self.state, self.tasks, now)
        self.state.run_ready(now)

    def next_deadline(self) -> int:
        """Return when ``handle_timer`` is wanted next, in monotonic microseconds; -1: not at all."""
        return self.state.timers.next_deadline()

    def take_effects(self) -> list[Effect]:
        """Return the effects since the last call, in order."""
        effects = self.state.effects
        if effects:
            self.state.effects = []
        return effects

    # -- control --------------------------------------------------------------------------------------------------

    def resolve(
        self, token: int, name: bytes, rtype: int, checking_disabled: bool, now: Instant, by_rules: bool = True
    ) -> None:
        """Resolve for the process itself; the result comes with ``take_results`` under ``token``.

        ``by_rules`` False: whatever override rules say, for those who want to know what the DNS says.
        """
        key = (b"r" if by_rules else b"i") + name + rtype.to_bytes(2, "big") + (b"c" if checking_disabled else b"v")
        running = self.state.running.get(key)
        if not isinstance(running, Finisher):
            rules = self.rules if by_rules else OverrideRules()
            running = Finisher(self, rules, key, name, rtype, not checking_disabled, self.audiences.own)
            running.cacheable = False
            self.state.running[key] = running
            self.wait(running, WaitingClient(None, None, b"", token))
            running.step(now)
            if not running.done:
                running.arm(now)
        else:
            self.wait(running, WaitingClient(None, None, b"", token))
        self.state.run_ready(now)

    def take_results(self) -> list[Resolution]:
        """Return the finished resolutions since the last call."""
        results = self.results
        self.results = []
        return results

    def put_negative_trust_anchor(self, anchor: NegativeTrustAnchor, now: Instant) -> None:
        """Put a negative trust anchor in force at once, or change the one of its zone (RFC 7646)."""
        put_negative_anchor(self.state, anchor, now)
        self.state.run_ready(now)

    def remove_negative_trust_anchor(self, zone: bytes, now: Instant) -> bool:
        """End a negative trust anchor at once; False: there is none, or it is a configured insecure zone."""
        removed = remove_negative_anchor(self.state, zone)
        revalidate(self.state, self.tasks, now)
        self.state.run_ready(now)
        return removed

    def arrange_override_rules(self, rule: OverrideRule | None, order: list[str], now: Instant) -> None:
        """Put a rule in force, or none, and those of run time into an order: their identities. Others of run time end.

        Those of the configuration come after them. It holds at once, for what is cached too.
        """
        arrange_rules(self.state, self.rules, rule, order, now)
        self.state.run_ready(now)

    def rehearse_override_rules(self, rule: OverrideRule | None, order: list[str], now: Instant) -> Rehearsal:
        """Tell what ``arrange_override_rules`` would change for the questions of the last hour, and change nothing."""
        return rehearse_rules(self.state, self.rules, self.recent, rule, order, now)

    def put_trust_anchor(self, setting: TrustAnchorSetting, now: Instant) -> None:
        """Trust these keys of a zone from now on, in place of those trusted before."""
        put_anchor(self.state, setting, now)
        self.tasks.watch_anchor(setting.zone, now)
        self.state.run_ready(now)

    def remove_trust_anchor(self, zone: bytes, now: Instant) -> bool:
        """Trust no key of a zone by itself any more; False: there is no trust anchor."""
        removed = remove_anchor(self.state, zone, now)
        self.tasks.watch_anchor(zone, now)
        self.state.run_ready(now)
        return removed

    def trust_anchor_reports(self, now: Instant) -> list[AnchorReport]:
        """Return how the trust anchors fare."""
        return [AnchorReport(anchor, self.state.policy, now.wall_s) for anchor in self.state.anchors.values()]

    def note_anchor_problem(self, zone: bytes, problem: str) -> None:
        """The driver could not store the state of a trust anchor; "": it could."""
        anchor = self.state.anchors.get(zone)
        if anchor is not None:
            anchor.problem = problem

    def flush(self, name: bytes, subtree: bool, now: Instant) -> int:
        """Forget what is cached for a name, or for everything at and below it; returns the number of entries."""
        self.packets.clear()
        return forget_subtree(self.state, name, now) if subtree else forget_name(self.state, name, now)

    def take_health(self) -> list[ZoneHealth]:
        """Return how zones that fail, or failed lately, fared since the last call (for ``holdfast.sentinel``)."""
        return self.state.health.take()

    def statistics(self) -> dict[str, int]:
        """Return the counters by name."""
        numbers = dict(self.state.counters)
        numbers["client_queries"] = self.queries
        numbers["packet_cache_hits"] = self.packet_hits
        numbers["outstanding_requests"] = self.outstanding
        numbers["upstream_in_flight"] = len(self.tasks.exchanges.open)
        numbers["packet_cache_octets"] = self.packets.table.octets
        numbers["rrset_cache_octets"] = self.state.rrsets.table.octets
        numbers["rrset_cache_entries"] = len(self.state.rrsets.table.entries)
        return numbers
