"""From the trust anchor files of the original tool of scenarios to trust anchors that are tracked by RFC 5011."""

import re

import dns.exception
import dns.rdata
import dns.rdatatype

from holdfast.base.settings import TrustAnchorSetting
from holdfast.dns.name import from_text, to_text
from holdfast.dnssec.trust_anchor import STATE_NAMES

STATE = re.compile(r";;state=(\d)")
SINCE = re.compile(r";;lastchange=(\d+)")
REVOKE = 0x0080


def read_key_file(lines: list[str]) -> TrustAnchorSetting:
    """Return the trust anchor of a file: records without a state are seeds, the others are the state of an earlier run.

    Raises ValueError naming the line that is not understood.
    """
    zone = b""
    ds: list[bytes] = []
    dnskey: list[bytes] = []
    states: list[str] = []
    for line in lines:
        if not line or line.startswith(";"):
            continue
        try:
            owner, _, _, rtype, data = line.partition(";")[0].split(None, 4)
            kind = dns.rdatatype.from_text(rtype)
            rdata = dns.rdata.from_text("IN", kind, data).to_wire() or b""
            zone = from_text(owner) or b""
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"key file line {line!r}: {error}") from None
        state = STATE.search(line)
        if state is not None:
            since = SINCE.search(line)
            flags = (rdata[0] << 8 | rdata[1]) & ~REVOKE
            key = "".join(data.split()[3:])
            name = STATE_NAMES[int(state.group(1))]
            states.append(f"{name} {since.group(1) if since else 0} {flags} {rdata[2]} {rdata[3]} {key}")
        elif kind == dns.rdatatype.DS:
            ds.append(rdata)
        else:
            dnskey.append(rdata)
    header = f"; holdfast trust anchor state, version 1, zone {to_text(zone)}"
    return TrustAnchorSetting(zone, ds, dnskey, True, "\n".join([header, *states]) if states else "")
