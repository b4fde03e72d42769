"""What delv and Unbound say about a question, and what holdfast says, in the same terms."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from holdfast.answer import Answer
from tests.interop.daemons import LOOPBACK
from tests.support.programs import require_program

UNBOUND_TIMEOUT_S = 10.0
SECURE, INSECURE, BOGUS = "secure", "insecure", "bogus"
STATUS_LINES = {
    "; fully validated": SECURE,
    "; negative response, fully validated": SECURE,
    "; unsigned answer": INSECURE,
    "; negative response, unsigned answer": INSECURE,
}
NEGATIVE = {"ncache nxdomain": "NXDOMAIN", "ncache nxrrset": "NOERROR"}

Record = tuple[str, str, str]  # owner, type, RDATA


@dataclass(frozen=True)
class Verdict:
    """Security status, RCODE, and the answer section without signatures (and without CNAMEs made from a DNAME)."""

    status: str
    rcode: str
    records: frozenset[Record]


def ask_delv(port: int, anchor: Path, name: str, rtype: str) -> tuple[Verdict, str]:
    """Have delv resolve through the fetching resolver and validate from the root; returns its output too."""
    done = subprocess.run(
        [
            require_program("delv", "bind9-dnsutils"),
            f"@{LOOPBACK}", "-p", str(port), "-a", str(anchor), "+nottl", "+noclass", "+nosplit", name, rtype,
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    failure = re.search(r"resolution failed: (.*)", output)
    statuses = {STATUS_LINES[line] for line in done.stdout.splitlines() if line in STATUS_LINES}
    if failure is not None and failure.group(1) not in NEGATIVE:
        return Verdict(BOGUS, "SERVFAIL", frozenset()), output
    assert failure is not None or statuses, output
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines() if line and not line.startswith(";")]
    rcode = NEGATIVE[failure.group(1)] if failure is not None else _negative_rcode(done.stdout)
    records = [(fields[0], fields[1], fields[2]) for fields in lines if fields[1] != "RRSIG"]
    return Verdict(INSECURE if INSECURE in statuses else SECURE, rcode, _comparable(records)), output


def _negative_rcode(output: str) -> str:
    return "NXDOMAIN" if ";-$NXDOMAIN" in output else "NOERROR"


def ask_unbound(port: int, name: str, rtype: str) -> Verdict:
    """What a validating Unbound says: AD for secure, SERVFAIL for bogus (RFC 4035 section 3.2.3)."""
    query = dns.message.make_query(name, rtype, want_dnssec=True)
    query.flags |= dns.flags.AD
    response, _ = dns.query.udp_with_fallback(query, LOOPBACK, UNBOUND_TIMEOUT_S, port)
    if response.rcode() == dns.rcode.SERVFAIL:
        return Verdict(BOGUS, "SERVFAIL", frozenset())
    records = [
        (rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
        for rrset in response.answer
        if rrset.rdtype != dns.rdatatype.RRSIG
        for rdata in rrset
    ]
    status = SECURE if response.flags & dns.flags.AD else INSECURE
    return Verdict(status, dns.rcode.to_text(response.rcode()), _comparable(records))


def verdict_of(answer: Answer) -> Verdict:
    """Holdfast's answer in the same terms."""
    return Verdict(
        str(answer.status),
        answer.rcode,
        _comparable([(record.name, record.type, record.data) for record in answer.records]),
    )


def _comparable(records: list[Record]) -> frozenset[Record]:
    """Records as all three can show them: delv shows a DNAME under another owner, and not the CNAME made from it."""
    renamed = [dns.name.from_text(owner) for owner, rtype, _ in records if rtype == "DNAME"]
    return frozenset(
        _record("" if rtype == "DNAME" else owner, rtype, data)
        for owner, rtype, data in records
        if not (rtype == "CNAME" and any(dns.name.from_text(owner).is_subdomain(above) for above in renamed))
    )


def _record(owner: str, rtype: str, data: str) -> Record:
    parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), data)
    return (dns.name.from_text(owner).to_text().lower(), rtype, parsed.to_text())
