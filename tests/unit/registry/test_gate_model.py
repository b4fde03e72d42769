"""Random zones: what the signer makes passes the gate, and no single change to what is signed does."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.dns import iana
from holdfast.dns.rdata import canonical, parse_rrsig
from holdfast.dns.rrset import RRset
from holdfast.registry.gate import GateOptions, check_zone
from holdfast.registry.problems import RegistryError
from holdfast.registry.signer import sign_zone
from holdfast.registry.zone import Nsec3Parameters, Zone
from holdfast.registry.zone_file import load_zone, zone_text
from tests.support.zones import NOW, key_pair

APEX = "@ 3600 SOA ns h 1 2 3 4 900\n@ 3600 NS ns\n"
LABELS = st.sampled_from(["a", "b", "*", "\\001", "z\\.z", "_x"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
DATA = st.sampled_from(
    ["A 192.0.2.1", "AAAA 2001:db8::1", "TXT x", "NS ns", "DS 1 13 2 " + "ab" * 32, "TYPE999 \\# 1 00", "DNAME other."]
)
RECORDS = st.lists(st.tuples(NAMES, DATA), max_size=12)
DENIALS = st.sampled_from([None, Nsec3Parameters(), Nsec3Parameters(opt_out=True), Nsec3Parameters(2, b"\x01\x02")])
KEYS = key_pair(15)
DS = [KEYS[0].ds(b"\x07example\x00")]
MODEL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def signed(records: list[tuple[str, str]], nsec3: Nsec3Parameters | None) -> Zone:
    zone = load_zone("example", APEX + "".join(f"{name} 300 {data}\n" for name, data in records))
    sign_zone(zone, KEYS, NOW - 3600, NOW + 86400, nsec3)
    return zone


def stops(zone: Zone) -> bool:
    return check_zone(zone, GateOptions(NOW, ds=DS))[0].stops


@MODEL
@given(RECORDS, DENIALS)
def test_what_is_signed_passes(records: list[tuple[str, str]], nsec3: Nsec3Parameters | None) -> None:
    zone = signed(records, nsec3)
    assert not stops(zone)
    assert not stops(load_zone("example", zone_text(zone)))


def flip(octets: bytes, bit: int) -> bytes:
    at = bit % (len(octets) * 8)
    return octets[: at // 8] + bytes([octets[at // 8] ^ (1 << at % 8)]) + octets[at // 8 + 1 :]


@MODEL
@given(RECORDS, DENIALS, st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from(["data", "rrsig", "drop"]))
def test_no_single_change_passes(
    records: list[tuple[str, str]], nsec3: Nsec3Parameters | None, choice: int, bit: int, change: str
) -> None:
    zone = signed(records, nsec3)
    own = [rrset for rrset, to_be_signed in zone.rrsets() if to_be_signed]
    rrset: RRset = own[choice % len(own)]
    if change == "data":
        new = flip(rrset.rdatas[0], bit)
        if canonical(rrset.rtype, new) == canonical(rrset.rtype, rrset.rdatas[0]):
            return  # letter case only
        rrset.rdatas = [new, *rrset.rdatas[1:]]
    elif change == "rrsig":
        old, new = parse_rrsig(rrset.signatures[0]), flip(rrset.signatures[0], bit)
        changed = parse_rrsig(new)
        if old and changed and (old.rdata_prefix, old.signature) == (changed.rdata_prefix, changed.signature):
            return  # letter case of the signer's name only
        rrset.signatures = [new]
    else:
        rrset.signatures = []
    if rrset.rtype == iana.TYPE_SOA and change == "data":
        return  # a changed SOA may change the zone's TTLs as well: the file would not be read
    try:
        zone = load_zone("example", zone_text(zone))
    except (RegistryError, ValueError):
        return  # not even a zone any more
    assert stops(zone)
