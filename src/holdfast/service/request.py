"""One client question from start to answer: follows CNAME and DNAME, obeys rules, joins clients that ask the same."""

from typing import Final

from holdfast.base.audience import Audience
from holdfast.base.cause import Cause
from holdfast.base.effects import Client
from holdfast.base.instant import Instant
from holdfast.base.limits import CNAME_LINKS, JOINED_CLIENTS, REQUEST_TIMEOUT_MS
from holdfast.base.override_rule import (
    RULE_BOGUS,
    RULE_CNAME,
    RULE_FORCE_STALE,
    RULE_FORWARD,
    RULE_NO_STALE,
    RULE_PASS,
    HitCounter,
    OverrideRule,
)
from holdfast.base.security_status import INDETERMINATE, INSECURE, SECURE, weaker
from holdfast.cache.failure_cache import REFRESH_UNREACHABLE
from holdfast.cache.negative_cache import NXDOMAIN
from holdfast.cache.zone_soa import ZoneSoa
from holdfast.dns.iana import (
    EDE_NO_REACHABLE_AUTHORITY,
    EDE_OTHER,
    RCODE_NOERROR,
    RCODE_NXDOMAIN,
    RCODE_REFUSED,
    RCODE_SERVFAIL,
    RCODE_YXDOMAIN,
    TYPE_ANY,
    TYPE_CNAME,
    TYPE_DS,
    type_name,
)
from holdfast.dns.message import Question
from holdfast.dns.name import ROOT, to_text
from holdfast.dns.rdata import rdata_name
from holdfast.dns.rrset import RRset
from holdfast.dnssec.trust_view import PLAIN_VIEW
from holdfast.resolve.classify import ANSWER, CNAME, DNAME, dname_target
from holdfast.resolve.pending import FAILED, LookupResult, PendingLookup
from holdfast.resolve.state import ResolverState
from holdfast.resolve.task import RequestBudget, Task
from holdfast.resolve.tasks import Tasks
from holdfast.resolve.timers import Timer
from holdfast.service.override_rules import NONE_MET, OverrideRules, RulesMet, is_answer
from holdfast.service.policy import alias, local_answer, rule_cause
from holdfast.service.rebinding import PrivateAddresses
from holdfast.service.respond import LocalPart, Part, Response
from holdfast.service.root_key_sentinel import refuted_claim
from holdfast.service.serve_stale import maximum_stale_s, stale_link
from holdfast.service.special_names import LocalAnswer, SpecialNames

NEVER_US: Final = 1 << 62


class WaitingClient:
    """A client that waits for the answer; ``client`` None: a question from inside the process, known by ``token``."""

    def __init__(self, client: Client | None, question: Question | None, options: bytes, token: int) -> None:
        self.client: Final = client
        self.question: Final = question
        self.options: Final = options  # of the response, for this client alone
        self.token: Final = token
        self.number: int = 0  # in the order of arrival, among all that wait
        self.request: RequestTask | None = None


class RequestTimer(Timer):
    """Ends a request that takes longer than any client waits."""

    def __init__(self, request: "RequestTask", deadline_us: int) -> None:
        super().__init__(deadline_us)
        self.request: Final = request

    def fire(self, now: Instant) -> None:
        """Give up."""
        self.request.give_up(now)


class StaleTimer(RequestTimer):
    """The client response timer (RFC 8767 section 5): from here on a stale answer is better than none."""

    def fire(self, now: Instant) -> None:
        """Answer with stale data if there is any; the look-ups go on and refresh the cache."""
        waited_ms = self.request.state.settings.client_response_timer_ms
        self.request.answer_stale(f"; no fresh answer within {waited_ms} ms", now)


class RequestTask(Task):
    """Collects the links of a chain until the question is answered. ``response`` is complete when ``done``."""

    def __init__(
        self,
        state: ResolverState,
        tasks: Tasks,
        special: SpecialNames,
        private: PrivateAddresses,
        rules: OverrideRules,
        key: bytes,
        name: bytes,
        rtype: int,
        validate: bool,
        audience: Audience,
    ) -> None:
        view = state.negative_anchors.view(audience, rtype) if validate else PLAIN_VIEW
        super().__init__(key, RequestBudget(view), 0)
        self.view: Final = view
        self.policy_epoch: Final = state.policy_epoch
        self.state: Final = state
        self.tasks: Final = tasks
        self.special: Final = special
        self.private: Final = private
        self.rules: Final = rules
        self.name: Final = name
        self.rtype: Final = rtype
        self.validate: Final = validate
        self.audience: Final = audience
        self.current: bytes = name
        self.seen: list[bytes] = [name]
        self.lookup: PendingLookup | None = None
        self.response: Response = Response(RCODE_NOERROR)
        self.status: int = SECURE
        self.expires_us: int = NEVER_US
        self.refresh_us: int = NEVER_US  # from here on the answer is worth a refresh
        self.cacheable: bool = True
        self.timed_out = False
        self.brief: bool = False  # cacheable for a moment only
        self.zone_soa: ZoneSoa | None = None  # of a negative answer: when it changes, so does the answer
        self.soa_version: int = 0
        self.met: RulesMet = NONE_MET  # by the present link
        self.applied: list[OverrideRule] = []  # aliases of rules on the way: each is followed once
        self.hits: list[HitCounter] | None = None  # of rules that had a part in the answer
        self.clients: list[WaitingClient] = []
        self.timers: list[RequestTimer] = []

    def can_join(self) -> bool:
        """Tell whether one more client may wait for this request."""
        return len(self.clients) < JOINED_CLIENTS

    def arm(self, now: Instant) -> None:
        """Start the clock: the answer did not come from the cache."""
        self.add_timer(RequestTimer(self, now.monotonic_us + REQUEST_TIMEOUT_MS * 1000))
        settings = self.state.settings
        if settings.serve_stale:
            if settings.client_response_timer_ms == 0 and self.answer_stale("; it is being refreshed", now):
                return
            self.add_timer(StaleTimer(self, now.monotonic_us + settings.client_response_timer_ms * 1000))

    def add_timer(self, timer: RequestTimer) -> None:
        """Arm a timer until the response is complete."""
        self.timers.append(timer)
        self.state.timers.add(timer)

    def answer_stale(self, why: str, now: Instant) -> bool:
        """Complete the chain with what was known last; fresh data may be on its way. False: a link is missing."""
        settings = self.state.settings
        limit_s = maximum_stale_s(settings, REFRESH_UNREACHABLE) if settings.serve_stale else 0
        links: list[LookupResult] = []
        current = self.current
        while True:
            if not self.may_be_stale(current):
                return False
            link = stale_link(self.state, current, self.rtype, limit_s, why, now)
            if link is None or len(links) >= CNAME_LINKS:
                return False
            links.append(link)
            rrset = link.rrset
            target: bytes | None = None
            if rrset is not None and link.kind == CNAME:
                target = rdata_name(TYPE_CNAME, rrset.rdatas[0])
            elif rrset is not None and link.kind == DNAME:
                target = dname_target(rrset, current)
            if target is None:
                break
            current = target
        self.cacheable = False  # what is on its way shall be seen when it comes
        for link in links:
            self.take(link, now)
        return True

    def step(self, now: Instant) -> None:
        """Take links as long as they are there."""
        while not self.done:
            lookup = self.lookup
            if lookup is None:
                if self.answer_at_once(now):
                    continue
                lookup = self.start_lookup(now)
                self.lookup = lookup
                if not lookup.done:
                    self.wait_for(lookup)
                    return
            if not lookup.done:
                return
            self.lookup = None
            if lookup.result.kind == FAILED and self.may_do_better(lookup):
                continue
            self.take(lookup.result, now)

    def answer_at_once(self, now: Instant) -> bool:
        """Take the present link from a rule, from special names, or from what a rule wants kept; False: look it up."""
        met = self.rules.met(self.current, self.rtype, self.audience, self.applied)
        self.met = met
        if met is NONE_MET:
            return self.answer_specially()
        rule = met.deciding
        if rule is not None and (rule.action != RULE_BOGUS or self.validate):  # with CD the client judges by itself
            self.note_hit(rule)
            if self.obey(rule, now):
                return True
        if met.staleness is not None:
            self.note_hit(met.staleness)
        if met.trust is not None:
            self.note_hit(met.trust)
        if self.is_forwarded():
            return False
        return self.answer_specially() or (self.is_frozen() and self.keep_known(now))

    def note_hit(self, rule: OverrideRule) -> None:
        """Remember that a rule had a part in the answer."""
        if self.hits is None:
            self.hits = []
        if rule not in self.hits:
            self.hits.append(rule)

    def obey(self, rule: OverrideRule, now: Instant) -> bool:
        """Give the answer that a rule makes up; False: it makes up none."""
        if rule.action in (RULE_PASS, RULE_FORWARD):
            return False
        cause = rule_cause(rule)
        if cause is not None:
            self.add_cause(cause)
        self.expires_us = min(self.expires_us, now.monotonic_us + rule.ttl_s * 1_000_000)
        self.status = weaker(self.status, INDETERMINATE)
        if rule.action == RULE_BOGUS:
            self.fail()
        elif rule.action == RULE_CNAME:
            self.applied = [*self.applied, rule]
            self.response.answer.append(LocalPart(alias(rule, self.current), rule.ttl_s))
            if self.rtype in (TYPE_CNAME, TYPE_ANY):
                self.end()
            else:
                self.follow(rule.target)
        else:
            self.take_local(local_answer(rule, self.current, self.rtype), now)
        return True

    def take_local(self, local: LocalAnswer, now: Instant) -> None:
        """End with what a rule made up. A refusal is one of the whole question."""
        self.response.rcode = local.rcode
        if local.rcode == RCODE_REFUSED:
            self.response.answer = []
            self.response.authority = []
        for rrset in local.answer:
            self.response.answer.append(LocalPart(rrset, rrset.ttl))
            self.expires_us = min(self.expires_us, now.monotonic_us + rrset.ttl * 1_000_000)
        self.response.authority.extend(Part(rrset, rrset.ttl) for rrset in local.authority)
        self.end()

    def is_forwarded(self) -> bool:
        """Tell whether a rule sends the present link to other servers."""
        deciding = self.met.deciding
        return deciding is not None and deciding.action == RULE_FORWARD

    def keep_known(self, now: Instant) -> bool:
        """Take what is known of the present link, expired or not; False: nothing is."""
        rule = self.met.staleness
        why = f"; kept by {rule.text()}" if rule is not None else ""
        limit_s = self.state.settings.maximum_stale_timer_s
        link = stale_link(self.state, self.current, self.rtype, limit_s, why, now)
        if link is None:
            return False
        self.take(link, now)
        return True

    def is_frozen(self) -> bool:
        """Tell whether a rule wants nothing new for the present link."""
        staleness = self.met.staleness
        return staleness is not None and staleness.action == RULE_FORCE_STALE

    def may_be_stale(self, name: bytes) -> bool:
        """Tell whether rules let a link be answered with expired data."""
        met = self.rules.met(name, self.rtype, self.audience, self.applied)
        return not is_answer(met.deciding) and (met.staleness is None or met.staleness.action != RULE_NO_STALE)

    def start_lookup(self, now: Instant) -> PendingLookup:
        """Look the present link up, at the servers that a rule names or the ordinary way."""
        rule = self.met.deciding
        if rule is not None and rule.action == RULE_FORWARD:
            return self.tasks.lookup_forwarded(self.current, self.rtype, self.validate, rule, self.budget, now)
        return self.tasks.lookup(self.current, self.rtype, self.validate, self.budget, 0, now)

    def answer_specially(self) -> bool:
        """Answer special names without asking anyone."""
        local = self.special.answer(self.current, self.rtype)
        if local is None or (self.rtype == TYPE_DS and local.rcode == RCODE_NOERROR):
            return False
        self.response.rcode = local.rcode
        self.response.answer.extend(Part(rrset, rrset.ttl) for rrset in local.answer)
        self.response.authority.extend(Part(rrset, rrset.ttl) for rrset in local.authority)
        self.status = weaker(self.status, INDETERMINATE)
        self.cacheable = False
        self.end()
        return True

    def take(self, result: LookupResult, now: Instant) -> None:
        """Take one link of the chain."""
        for cause in result.causes:
            self.add_cause(cause)
        if result.kind == FAILED:
            self.take_failure(result, now)
            return
        self.status = weaker(self.status, result.status)
        if self.validate and self.state.settings.validate:
            self.note_negative_anchors(result)
        if result.stale_cut is not None and result.stale_cut.active:
            self.add_cause(result.stale_cut.cause)
            self.brief = True
        if result.stale and not self.is_frozen():
            self.brief = True
            self.state.stale_questions.note(self.current, self.rtype)
            self.state.count("stale_links")
        self.expires_us = min(self.expires_us, result.expires_us)
        self.refresh_us = min(self.refresh_us, result.refresh_us())
        if result.refresh and self.state.settings.prefetch:
            self.tasks.prefetch(self.current, self.rtype, self.validate, self.view, now)
        ttl_s = max((result.expires_us - now.monotonic_us) // 1_000_000, 0)
        if result.stored_us == now.monotonic_us and result.rrset is None and result.soa is not None:
            ttl_s = min(ttl_s, result.soa.ttl)
        for proof in result.proof:
            self.add_proof(proof, ttl_s)
        rrset = result.rrset
        if result.kind == ANSWER and rrset is not None:
            self.response.answer.append(Part(rrset, ttl_s))
            for other in result.beside:
                self.response.answer.append(Part(other, min(other.ttl, self.state.settings.maximum_ttl_s)))
                self.expires_us = min(self.expires_us, result.stored_us + other.ttl * 1_000_000)
            self.end()
        elif result.kind == CNAME and rrset is not None:
            target = rdata_name(TYPE_CNAME, rrset.rdatas[0])
            if target != self.current:  # an alias of itself is no step towards anything
                self.response.answer.append(Part(rrset, ttl_s))
            self.follow(target)
        elif result.kind == DNAME and rrset is not None:
            self.follow_dname(rrset, ttl_s)
        else:
            if result.kind == NXDOMAIN:
                self.response.rcode = RCODE_NXDOMAIN
            if result.soa is not None:
                self.show_soa(result.soa, result, ttl_s, now)
            self.end()

    def note_negative_anchors(self, result: LookupResult) -> None:
        """Tell the client what keeps this link from being validated (RFC 7646): no AD, whenever it was learned.

        Where zones below an anchor stay validated, what is secure is so in spite of it.
        """
        for anchor in self.state.negative_anchors.covering(self.current, self.rtype, self.view):
            if self.state.negative_anchors.get(anchor.zone) is anchor:
                status = result.shadow if result.let_through else result.status
                self.state.shadows.note(anchor.zone, self.current, self.rtype, status)
            if anchor.scope.below_strict and result.status == SECURE:
                continue
            self.status = weaker(self.status, INSECURE)
            self.add_cause(anchor.cause())
        self.brief = self.brief or result.brief

    def show_soa(self, soa: RRset, result: LookupResult, ttl_s: int, now: Instant) -> None:
        """Show the zone's SOA: the newest that is known, if it is as trustworthy as the denial that it bounds."""
        if result.let_through or self.is_forwarded():  # not from where the SOA records that are kept come from
            self.response.authority.insert(0, Part(soa, min(ttl_s, soa.ttl)))
            return
        newest = self.state.soas.learn(soa, result.status, result.stored_us, now.monotonic_us)
        if newest.status <= result.status:
            soa = newest.rrset
        self.zone_soa = newest
        self.soa_version = newest.version
        self.response.authority.insert(0, Part(soa, min(ttl_s, soa.ttl)))

    def add_proof(self, proof: RRset, ttl_s: int) -> None:
        """Show an NSEC or NSEC3 RRset; several links of a chain may rest on the same one."""
        for part in self.response.authority:
            if part.rrset.rtype == proof.rtype and part.rrset.name == proof.name:
                return
        self.response.authority.append(Part(proof, ttl_s))

    def follow_dname(self, dname: RRset, ttl_s: int) -> None:
        """Rewrite the name, and show how with a synthesised CNAME (RFC 6672 section 3.1)."""
        self.response.answer.append(Part(dname, ttl_s))
        target = dname_target(dname, self.current)
        if target is None:
            self.response.rcode = RCODE_YXDOMAIN
            self.status = weaker(self.status, INDETERMINATE)  # no signature vouches for this RCODE
            self.end()
            return
        self.response.answer.append(Part(RRset(self.current, TYPE_CNAME, ttl_s, [target], []), ttl_s))
        if self.rtype == TYPE_CNAME:
            self.end()
            return
        self.follow(target)

    def follow(self, target: bytes) -> None:
        """Go on with the target of an alias."""
        if target in self.seen:
            text = f"CNAME loop at {to_text(target)} after {len(self.seen)} links"
            self.response.causes.append(Cause(EDE_OTHER, text, "request.loop"))
            self.give_up_chain()
            return
        if len(self.seen) >= CNAME_LINKS:
            text = f"CNAME chain from {to_text(self.name)} is longer than {CNAME_LINKS} links"
            self.response.causes.append(Cause(EDE_OTHER, text, "request.chain"))
            self.response.answer = []  # cut short by a limit of ours, it would mislead
            self.response.authority = []
            self.give_up_chain()
            return
        self.seen.append(target)
        self.current = target

    def is_outdated(self) -> bool:
        """Tell whether a trust decision was made meanwhile, and there is time to do it all once more."""
        return self.policy_epoch != self.state.policy_epoch and not self.timed_out

    def give_up_chain(self) -> None:
        """Answer SERVFAIL (RFC 1034 section 3.6.2). A loop is shown: it is what the zones say."""
        self.response.rcode = RCODE_SERVFAIL
        self.cacheable = False
        self.status = weaker(self.status, INDETERMINATE)
        self.end()

    def add_cause(self, cause: Cause) -> None:
        """Add a cause beside those that are known."""
        for known in self.response.causes:
            if cause.info_code == known.info_code and cause.extra_text == known.extra_text:
                return
        self.response.causes.append(cause)

    def take_failure(self, result: LookupResult, now: Instant) -> None:
        """Use what was known last of this link, if it is not too old for the kind of failure; else fail."""
        if result.causes and not result.from_failure_cache and not self.is_forwarded():
            self.tasks.report_failure(self.current, self.rtype, result.causes[0], now)
        settings = self.state.settings
        if settings.serve_stale and self.may_be_stale(self.current):
            limit_s = maximum_stale_s(settings, result.failure)
            if result.from_failure_cache and settings.client_response_timer_ms == 0:
                limit_s = settings.maximum_stale_timer_s  # stale at once, whatever a refresh may bring
            why = "; " + result.causes[0].extra_text if result.causes else ""
            link = stale_link(self.state, self.current, self.rtype, limit_s, why, now)
            if link is not None:
                if not result.from_failure_cache:
                    recheck_us = now.monotonic_us + settings.failure_recheck_timer_s * 1_000_000
                    self.state.failures.hold(self.view.key(self.current), self.rtype, recheck_us)
                self.take(link, now)
                return
        self.status = weaker(self.status, result.status)
        self.expires_us = min(self.expires_us, result.expires_us)
        self.brief = True
        self.fail()

    def fail(self) -> None:
        """Answer SERVFAIL, with every cause that is known."""
        self.response.rcode = RCODE_SERVFAIL
        self.response.answer = []
        self.response.authority = []
        self.status = weaker(self.status, INDETERMINATE)
        self.end()

    def give_up(self, now: Instant) -> None:
        """Time is up: answer now; what runs goes on and fills the cache."""
        self.timed_out = True
        if self.done or self.answer_stale(f"; no fresh answer within {REQUEST_TIMEOUT_MS // 1000} s", now):
            return
        self.cacheable = False
        waited = f"no answer for {to_text(self.current)} {type_name(self.rtype)} within {REQUEST_TIMEOUT_MS // 1000} s"
        self.response.causes.append(Cause(EDE_NO_REACHABLE_AUTHORITY, waited, "request.timeout"))
        self.fail()

    def abandon(self) -> None:
        """Nobody waits any more. Look-ups go on and fill the cache."""
        self.stop_timers()
        self.state.finish(self)

    def stop_timers(self) -> None:
        """Let the timers go."""
        for timer in self.timers:
            self.state.timers.cancel(timer)
        self.timers = []  # they know the request: without them, nothing but its clients keeps it

    def end(self) -> None:
        """The response is complete."""
        if self.private.remove_from(self.response):
            self.status = weaker(self.status, INDETERMINATE)  # not what the zone said any more: no AD
        if self.status == SECURE and self.validate and self.state.settings.root_key_sentinel:
            refuted = refuted_claim(self.name, self.rtype, self.state.anchors.get(ROOT))
            if refuted is not None:
                self.response = Response(RCODE_SERVFAIL)
                self.response.causes.append(refuted)
                self.status = INDETERMINATE
                self.cacheable = False
        self.response.secure = self.status == SECURE
        self.stop_timers()
        self.state.finish(self)
