"""How much of a response is kept."""

import dns.message
import dns.rrset

from holdfast.dns.message import SIGNATURES_KEPT, parse


def test_no_more_signatures_are_kept_than_anyone_checks() -> None:
    message = dns.message.make_response(dns.message.make_query("www.example", "A"))
    message.answer.append(dns.rrset.from_text("www.example.", 300, "IN", "A", "203.0.113.1"))
    signatures = [f"A 13 2 300 20330518033320 20010909014640 {tag} example. MQ==" for tag in range(20)]
    message.answer.append(dns.rrset.from_text("www.example.", 300, "IN", "RRSIG", *signatures))
    parsed = parse(message.to_wire())
    assert parsed is not None
    (address,) = parsed.answer
    assert (len(address.rdatas), len(address.signatures)) == (1, SIGNATURES_KEPT)
    tags = [rdata[16] << 8 | rdata[17] for rdata in address.signatures]
    assert len(set(tags)) == SIGNATURES_KEPT
