"""Who is served: access rules, rate limit, and the shape of a query that is worth any work."""

from typing import Final

from holdfast.base.cause import Cause
from holdfast.base.settings import AccessRule, EngineSettings
from holdfast.dns.iana import (
    CLASS_CH,
    CLASS_IN,
    EDE_INVALID_QUERY_TYPE,
    EDE_NOT_AUTHORITATIVE,
    EDE_NOT_SUPPORTED,
    EDE_PROHIBITED,
    FLAG_RD,
    RCODE_BADVERS,
    RCODE_FORMERR,
    RCODE_NOTIMP,
    RCODE_REFUSED,
    TYPE_NXNAME,
    type_name,
)
from holdfast.dns.message import Question
from holdfast.resolve.delegation import in_prefix

RATE_BURST_S: Final = 2  # a client may save up this many seconds of its rate
RATE_CLIENTS: Final = 20_000  # clients whose rate is remembered; older ones start afresh
TYPE_META_FIRST: Final = 128  # RFC 6895 section 3.1: 128..255 are query and meta types
TYPE_META_LAST: Final = 254  # 255 is ANY
TYPE_OPT_NUMBER: Final = 41


class Refusal:
    """Why a query is not worked on: the RCODE to answer with, and the cause."""

    def __init__(self, rcode: int, cause: Cause | None) -> None:
        self.rcode: Final = rcode
        self.cause: Final = cause


class Allowance:
    """Queries that a client may still send: a token bucket in thousandths of a query."""

    def __init__(self, tokens: int, updated_us: int) -> None:
        self.tokens: int = tokens
        self.updated_us: int = updated_us


class Admission:
    """The gate in front of the engine."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings: Final = settings
        self.rules: Final[list[AccessRule]] = sorted(settings.access_rules, key=prefix_length, reverse=True)
        self.last_allowed: bytes = b""
        self.allowances: Final[dict[bytes, Allowance]] = {}

    def is_allowed(self, address: bytes) -> bool:
        """Apply the access rules: the longest prefix decides, no rule means no."""
        if address == self.last_allowed:
            return True
        for rule in self.rules:
            if in_prefix(address, rule):
                if rule.allow:
                    self.last_allowed = address
                return rule.allow
        return False

    def within_rate(self, address: bytes, proven: bool, now_us: int) -> bool:
        """Charge one query to the client; False: it asked more than it may.

        Queries whose source address is ``proven`` (a server cookie came back, or TCP) have an allowance of their own,
        so that forged ones in the client's name cannot use it up (RFC 7873 section 5.2.3).
        """
        rate = self.settings.client_rate_limit_qps
        if rate <= 0:
            return True
        if proven:
            address += b"p"
        allowance = self.allowances.get(address)
        if allowance is None:
            if len(self.allowances) >= RATE_CLIENTS:
                del self.allowances[next(iter(self.allowances))]
            allowance = Allowance(rate * RATE_BURST_S * 1000, now_us)
            self.allowances[address] = allowance
        gained = (now_us - allowance.updated_us) * rate // 1000
        if gained > 0:
            allowance.tokens = min(allowance.tokens + gained, rate * RATE_BURST_S * 1000)
            allowance.updated_us = now_us
        if allowance.tokens < 1000:
            return False
        allowance.tokens -= 1000
        return True

    def refuse(self, question: Question) -> Refusal | None:
        """Return why a well-formed question is not answered; None: it is."""
        if question.edns is not None and question.edns.version > 0:
            return Refusal(RCODE_BADVERS, None)
        if question.qclass != CLASS_IN and question.qclass != CLASS_CH:
            text = f"class {question.qclass} is not supported"
            return Refusal(RCODE_REFUSED, Cause(EDE_NOT_SUPPORTED, text, "admit.class"))
        if question.qtype == TYPE_OPT_NUMBER or question.qtype == 0:
            return Refusal(RCODE_FORMERR, None)
        if question.qtype == TYPE_NXNAME:  # RFC 9824 section 3.5
            cause = Cause(EDE_INVALID_QUERY_TYPE, "type NXNAME stands in NSEC records only", "admit.nxname")
            return Refusal(RCODE_FORMERR, cause)
        if TYPE_META_FIRST <= question.qtype <= TYPE_META_LAST:
            text = f"type {type_name(question.qtype)} is not answered by a resolver"
            return Refusal(RCODE_NOTIMP, Cause(EDE_NOT_SUPPORTED, text, "admit.type"))
        if not question.flags & FLAG_RD and not self.settings.answer_without_recursion_desired:
            text = "this is a resolver: set RD, or ask an authoritative server"
            return Refusal(RCODE_REFUSED, Cause(EDE_NOT_AUTHORITATIVE, text, "admit.no-recursion-desired"))
        return None


def prefix_length(rule: AccessRule) -> int:
    """Sort key of access rules."""
    return rule.length


def prohibited() -> Cause:
    """Return the cause for clients that no access rule allows."""
    return Cause(EDE_PROHIBITED, "this client address is not allowed to query this resolver", "admit.prohibited")
