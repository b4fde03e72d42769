"""Serial numbers of zone versions (RFC 1982): ahead of the one before, by the operator's convention if it can be."""

from time import gmtime, strftime

from holdfast.dns.iana import TYPE_SOA
from holdfast.dns.rrset import RRset
from holdfast.registry.zone import Zone

_HALF = 0x80000000
_WHOLE = 0x100000000
_SERIAL_FROM_END = 20  # octets of the SOA's numbers, the serial first


def next_serial(current: int, convention: str, now_s: int) -> int:
    """Return the serial after ``current``: ``unixtime``, ``date`` (YYYYMMDDnn) or ``increment``.

    If the convention's number is not ahead of ``current``, that is incremented instead.
    """
    wanted = (current + 1) % _WHOLE
    if convention == "unixtime":
        wanted = now_s % _WHOLE
    elif convention == "date":
        wanted = int(strftime("%Y%m%d00", gmtime(now_s)))
    return wanted if is_ahead(wanted, current) else (current + 1) % _WHOLE


def is_ahead(serial: int, of: int) -> bool:
    """Say whether a secondary server that has ``of`` would take ``serial`` (RFC 1982 section 3.2)."""
    return 0 < (serial - of) % _WHOLE < _HALF


def set_serial(zone: Zone, serial: int) -> RRset:
    """Replace the SOA RRset of a zone by an unsigned one with another serial; returns it."""
    soa = zone.apex[TYPE_SOA]
    rdata = soa.rdatas[0]
    at = len(rdata) - _SERIAL_FROM_END
    new = RRset(soa.name, TYPE_SOA, soa.ttl, [rdata[:at] + serial.to_bytes(4, "big") + rdata[at + 4 :]], [])
    zone.nodes[zone.name][TYPE_SOA] = new
    return new
