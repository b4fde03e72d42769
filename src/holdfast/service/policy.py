"""What override rules make of a client's question: the answers that they give, and the marks that they leave.

Rules are looked at for each link of an answer, so for the target of an alias as well, before special names and caches.
What they make up is never authenticated, and kept in whole answers only, whose keys tell audiences and policy epochs
apart: no rule changes what the other caches hold.
"""

from holdfast.base.cause import Cause
from holdfast.base.override_rule import RULE_NXDOMAIN, RULE_REFUSE, OverrideRule
from holdfast.dns.iana import RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_REFUSED, TYPE_ANY, TYPE_CNAME
from holdfast.dns.rrset import RRset
from holdfast.service.special_names import LocalAnswer, local_soa


def rule_cause(rule: OverrideRule) -> Cause | None:
    """Return what clients are told of a rule that decides their answer (RFC 8914); None: nothing."""
    return Cause(rule.info_code, rule.text(), "policy.rule") if rule.info_code >= 0 else None


def local_answer(rule: OverrideRule, name: bytes, rtype: int) -> LocalAnswer:
    """Return the answer of a rule that needs no look-up: REFUSE, NXDOMAIN, NODATA or RECORDS.

    Denials come with an SOA record, so that clients know for how long (RFC 2308 section 3). Local records stand for all
    that the name has: other types are NODATA.
    """
    if rule.action == RULE_REFUSE:
        return LocalAnswer(RCODE_REFUSED, [], [])
    found = [one for one in rule.records if rtype in (one.rtype, TYPE_ANY)]
    if found:
        return LocalAnswer(RCODE_NOERROR, [RRset(name, one.rtype, one.ttl, one.rdatas, []) for one in found], [])
    rcode = RCODE_NXDOMAIN if rule.action == RULE_NXDOMAIN else RCODE_NOERROR
    return LocalAnswer(rcode, [], [local_soa(rule.match.name, rule.ttl_s)])


def alias(rule: OverrideRule, name: bytes) -> RRset:
    """Return the CNAME record that a rule of that kind puts at a name."""
    return RRset(name, TYPE_CNAME, rule.ttl_s, [rule.target], [])
