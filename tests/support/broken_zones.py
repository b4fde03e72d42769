"""The set of broken zones: each is a good signed zone with one fault, and what the gate has to call it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from holdfast.crypto.signing import CDS_DELETE, SigningKey, ZoneKey, ds_of
from holdfast.dns import iana
from holdfast.dns.rrset import RRset
from holdfast.lab.recorded_tag import RecordedTagKey
from holdfast.registry.denial_chain import nsec3_fields, type_bitmap
from holdfast.registry.gate import GateOptions
from holdfast.registry.signer import KeySet, Validity, prepare, sign_with
from holdfast.registry.zone import Nsec3Parameters, Zone, wire_name
from holdfast.registry.zone_file import load_zone
from tests.support.zones import EVERYTHING, key_pair

DAY_S = 86400
WWW = wire_name("www.example")
APEX = wire_name("example")


@dataclass
class Case:
    """A zone in the making: keys, parameters, what the parent says; faults change it."""

    now_s: int
    nsec3: Nsec3Parameters | None = field(default_factory=Nsec3Parameters)
    algorithm: int = 13
    text: str = EVERYTHING
    zone: Zone = field(init=False)
    keys: list[ZoneKey] = field(init=False)
    ds: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = key_pair(self.algorithm)
        self.sign(KeySet.by_flags(self.keys))
        self.ds = [self.keys[0].ds(APEX)]

    def sign(self, key_set: KeySet) -> None:
        self.zone = load_zone("example", self.text)
        sign_with(self.zone, key_set, self.validity(), self.nsec3)

    def validity(self, start_s: int = -5400, end_s: int = 14 * DAY_S) -> Validity:
        return Validity(self.now_s + start_s, self.now_s + end_s)

    def www(self) -> RRset:
        return self.zone.nodes[WWW][iana.TYPE_A]

    def apex(self, rtype: int) -> RRset:
        return self.zone.apex[rtype]

    def renew(self, rrset: RRset, key: ZoneKey | None = None, start_s: int = -5400, end_s: int = 14 * DAY_S) -> None:
        window = self.validity(start_s, end_s)
        signer = key or (self.keys[0] if rrset.rtype == iana.TYPE_DNSKEY else self.keys[1])
        rrset.signatures = [signer.sign(rrset, APEX, window.inception_s, window.expiration_s)]

    def link(self, name: str) -> RRset:
        found = self.zone.matching(wire_name(name))
        assert found is not None
        return found

    def drop(self, rrset: RRset) -> None:
        at = self.zone.chain.index(rrset)
        del self.zone.chain[at], self.zone.chain_keys[at]
        self.zone.nodes.get(rrset.name, {}).pop(rrset.rtype, None)

    def options(self) -> GateOptions:
        return GateOptions(self.now_s, ds=self.ds)


def impostor(published: ZoneKey) -> RecordedTagKey:
    """A device that holds another key than the published one, under its tag."""
    return RecordedTagKey(published.dnskey, SigningKey.derive(published.algorithm, b"impostor"))


def wrong_key(case: Case) -> None:
    case.renew(case.www(), impostor(case.keys[1]))


def wrong_key_apex_nsec3(case: Case) -> None:
    case.renew(case.link("example"), impostor(case.keys[1]))


def spoiled(case: Case) -> None:
    rrset = case.www()
    rrset.signatures = [rrset.signatures[0][:-1] + bytes([rrset.signatures[0][-1] ^ 1])]


def truncated(case: Case) -> None:
    rrset = case.www()
    rrset.signatures = [rrset.signatures[0][:-8]]


def expired(case: Case) -> None:
    case.renew(case.www(), start_s=-9 * DAY_S, end_s=-60)


def not_yet_valid(case: Case) -> None:
    case.renew(case.www(), start_s=DAY_S)


def ends_before_it_starts(case: Case) -> None:
    case.renew(case.www(), start_s=2 * DAY_S, end_s=-2 * DAY_S)


def ends_soon(case: Case) -> None:
    case.renew(case.www(), end_s=600)


def unsigned(case: Case) -> None:
    case.www().signatures = []


def unsigned_dnskey(case: Case) -> None:
    case.apex(iana.TYPE_DNSKEY).signatures = []


def unsigned_nsec3(case: Case) -> None:
    case.link("www.example").signatures = []


def unsigned_ds(case: Case) -> None:
    case.zone.nodes[wire_name("signed.example")][iana.TYPE_DS].signatures = []


def wrong_signer(case: Case) -> None:
    rrset = case.www()
    window = case.validity()
    rrset.signatures = [case.keys[1].sign(rrset, WWW, window.inception_s, window.expiration_s)]


def wrong_labels(case: Case) -> None:
    rrset = case.www()
    rrset.signatures = [rrset.signatures[0][:3] + b"\x01" + rrset.signatures[0][4:]]


def other_ttl(case: Case) -> None:
    case.www().ttl = 301


def data_changed(case: Case) -> None:
    case.www().rdatas = [b"\xc0\x00\x02\x63"]


def record_added(case: Case) -> None:
    case.www().rdatas.append(b"\xc0\x00\x02\x63")


def record_removed(case: Case) -> None:
    case.apex(iana.TYPE_DNSKEY).rdatas.pop()


def zone_key_missing(case: Case) -> None:
    case.sign(KeySet([case.keys[0].dnskey], [case.keys[0]], [case.keys[1]]))


def entry_key_missing(case: Case) -> None:
    case.sign(KeySet([case.keys[1].dnskey], [case.keys[1]], [case.keys[1]]))


def ds_of_another_key(case: Case) -> None:
    case.ds = [SigningKey.derive(13, b"another", 257).ds(APEX)]


def ds_with_wrong_digest(case: Case) -> None:
    case.ds = [case.ds[0][:-1] + bytes([case.ds[0][-1] ^ 1])]


def ds_of_the_zone_key(case: Case) -> None:
    case.ds = [ds_of(APEX, case.keys[1].dnskey)]


def ds_digest_unknown(case: Case) -> None:
    case.ds = [case.ds[0][:3] + b"\xfa" + case.ds[0][4:]]


def algorithm_incomplete(case: Case) -> None:
    other = SigningKey.derive(15, b"other algorithm", 256)
    case.sign(KeySet([*(key.dnskey for key in case.keys), other.dnskey], case.keys[:1], case.keys[1:]))


def algorithm_unknown(case: Case) -> None:
    dnskey = bytearray(case.keys[0].dnskey)
    dnskey[3] = 252
    case.zone.apex[iana.TYPE_DNSKEY].rdatas = [bytes(dnskey)]
    case.ds = [ds_of(APEX, bytes(dnskey))]


def _flags(case: Case, flags: int, protocol: int = 3) -> None:
    dnskey = flags.to_bytes(2, "big") + bytes([protocol]) + case.keys[1].dnskey[3:]
    case.apex(iana.TYPE_DNSKEY).rdatas = [case.keys[0].dnskey, dnskey]
    case.renew(case.apex(iana.TYPE_DNSKEY))
    for rrset, to_be_signed in case.zone.rrsets():  # by the same key, whose tag depends on flags and protocol
        if to_be_signed and rrset.rtype != iana.TYPE_DNSKEY:
            case.renew(rrset, _ReflaggedKey(dnskey, case.keys[1]))


class _ReflaggedKey(ZoneKey):
    def __init__(self, dnskey: bytes, key: ZoneKey) -> None:
        super().__init__(dnskey)
        self._key = key

    def sign_octets(self, data: bytes) -> bytes:
        return self._key.sign_octets(data)


def no_zone_key_bit(case: Case) -> None:
    _flags(case, 0)


def revoked(case: Case) -> None:
    _flags(case, 0x0180)


def wrong_protocol(case: Case) -> None:
    _flags(case, 0x0100, protocol=2)


def nsec3_missing(case: Case) -> None:
    case.drop(case.link("www.example"))


def apex_nsec3_missing(case: Case) -> None:
    case.drop(case.link("example"))


def non_terminal_missing(case: Case) -> None:
    case.drop(case.link("c.d.example"))


def _relink(case: Case, rrset: RRset, cut: int, rest: bytes) -> None:
    rrset.rdatas = [rrset.rdatas[0][:cut] + rest]
    case.renew(rrset)


def nsec3_bitmap_lacks(case: Case) -> None:
    _relink(case, case.link("www.example"), 26, type_bitmap([iana.TYPE_A, iana.TYPE_RRSIG]))


def nsec3_bitmap_claims(case: Case) -> None:
    types = [iana.TYPE_A, iana.TYPE_TXT, iana.TYPE_AAAA, iana.TYPE_RRSIG]
    _relink(case, case.link("www.example"), 26, type_bitmap(types))


def nsec3_next(case: Case) -> None:
    rrset = case.link("www.example")
    rdata = rrset.rdatas[0]
    _relink(case, rrset, 6, bytes([rdata[6] ^ 0x80]) + rdata[7:])


def nsec3_left_over(case: Case) -> None:
    del case.zone.nodes[wire_name("strange\\046name.example")]


def nsec3_salt(case: Case) -> None:
    rrset = case.link("www.example")
    _relink(case, rrset, 0, nsec3_fields(Nsec3Parameters(0, b"\xaa"), 0) + rrset.rdatas[0][5:])


def nsec3param_missing(case: Case) -> None:
    del case.zone.apex[iana.TYPE_NSEC3PARAM]
    link = case.link("example")
    types = [rtype for rtype in case.zone.apex if rtype != iana.TYPE_NSEC]
    _relink(case, link, 26, type_bitmap([*types, iana.TYPE_RRSIG]))


def many_iterations(case: Case) -> None:
    case.nsec3 = Nsec3Parameters(iterations=500)
    case.sign(KeySet.by_flags(case.keys))


def name_added(case: Case) -> None:
    name = wire_name("added.example")
    case.zone.nodes[name] = {iana.TYPE_A: RRset(name, iana.TYPE_A, 60, [b"\xc0\x00\x02\x63"], [])}
    case.renew(case.zone.nodes[name][iana.TYPE_A])


def nsec_missing(case: Case) -> None:
    case.drop(case.zone.nodes[WWW][iana.TYPE_NSEC])


def nsec_next(case: Case) -> None:
    rrset = case.zone.nodes[WWW][iana.TYPE_NSEC]
    _relink(case, rrset, 0, WWW + rrset.rdatas[0][len(APEX) :])


def nsec_bitmap(case: Case) -> None:
    rrset = case.zone.nodes[WWW][iana.TYPE_NSEC]
    types = [iana.TYPE_A, iana.TYPE_MX, iana.TYPE_TXT, iana.TYPE_RRSIG, iana.TYPE_NSEC]
    _relink(case, rrset, 0, APEX + type_bitmap(types))


def no_chain(case: Case) -> None:
    for node in case.zone.nodes.values():
        node.pop(iana.TYPE_NSEC, None)
    case.zone.chain, case.zone.chain_keys = [], []


def never_signed(case: Case) -> None:
    case.zone = load_zone("example", case.text)


def opt_out_signed_delegation(case: Case) -> None:
    case.nsec3 = Nsec3Parameters(opt_out=True)
    case.sign(KeySet.by_flags(case.keys))
    case.drop(case.link("signed.example"))


def _announce(case: Case, cds: list[bytes], cdnskey: list[bytes]) -> None:
    key_set = KeySet.by_flags(case.keys)
    case.sign(replace(key_set, announced=[case.keys[0].dnskey]))
    for rtype, rdatas in ((iana.TYPE_CDS, cds), (iana.TYPE_CDNSKEY, cdnskey)):
        case.apex(rtype).rdatas = rdatas
        case.renew(case.apex(rtype), case.keys[0])


def cds_of_another_key(case: Case) -> None:
    other = SigningKey.derive(13, b"another", 257)
    _announce(case, [other.ds(APEX)], [other.dnskey])


def cds_unlike_cdnskey(case: Case) -> None:
    _announce(case, [case.keys[0].ds(APEX)], [SigningKey.derive(13, b"another", 257).dnskey])


def cds_delete_and_more(case: Case) -> None:
    _announce(case, [CDS_DELETE, case.keys[0].ds(APEX)], [case.keys[0].dnskey])


def one_of_three_devices(case: Case) -> None:
    case.zone = load_zone("example", case.text)
    prepare(case.zone, KeySet.by_flags(case.keys), case.nsec3)
    devices = [case.keys[1], impostor(case.keys[1]), impostor(case.keys[1])]
    rrsets = [rrset for rrset, to_be_signed in case.zone.rrsets() if to_be_signed]
    for number, rrset in enumerate(rrsets):
        key = case.keys[0] if rrset.rtype == iana.TYPE_DNSKEY else devices[number % 3]
        case.renew(rrset, key)


@dataclass(frozen=True)
class Broken:
    """One fault: what the table in docs/registry.md calls it, how it is made, and the check that finds it."""

    text: str
    make: Callable[[Case], None]
    check: str
    info_code: int
    nsec: bool = False

    def case(self, now_s: int) -> Case:
        case = Case(now_s, None if self.nsec else Nsec3Parameters())
        self.make(case)
        return case


BROKEN = [
    Broken("signed by another key with the same tag", wrong_key, "rrsig.invalid", 6),
    Broken("apex NSEC3 signed by another key with the same tag", wrong_key_apex_nsec3, "rrsig.invalid", 6),
    Broken("two of three signing devices hold other keys", one_of_three_devices, "rrsig.invalid", 6),
    Broken("one bit of a signature flipped", spoiled, "rrsig.invalid", 6),
    Broken("signature cut short", truncated, "rrsig.invalid", 6),
    Broken("signature expired", expired, "rrsig.expired", 7),
    Broken("signature not yet valid", not_yet_valid, "rrsig.not-yet-valid", 8),
    Broken("signature ends before it starts", ends_before_it_starts, "rrsig.expired-before-valid", 25),
    Broken("signature ends in ten minutes", ends_soon, "gate.expires-soon", 7),
    Broken("A record set without RRSIG", unsigned, "rrsig.missing", 10),
    Broken("DNSKEY without RRSIG", unsigned_dnskey, "rrsig.missing", 10),
    Broken("NSEC3 without RRSIG", unsigned_nsec3, "rrsig.missing", 10),
    Broken("DS without RRSIG", unsigned_ds, "rrsig.missing", 10),
    Broken("RRSIG names another signer", wrong_signer, "rrsig.signer", 10),
    Broken("RRSIG with a wrong labels field", wrong_labels, "rrsig.invalid", 6),
    Broken("TTL differs from the signed one", other_ttl, "gate.original-ttl", -1),
    Broken("data changed after signing", data_changed, "rrsig.invalid", 6),
    Broken("record added after signing", record_added, "rrsig.invalid", 6),
    Broken("DNSKEY removed after signing", record_removed, "rrsig.invalid", 6),
    Broken("zone signing key not published", zone_key_missing, "rrsig.no-key", 9),
    Broken("key that the DS names not published", entry_key_missing, "ds.no-match", 9),
    Broken("DS of another key", ds_of_another_key, "ds.no-match", 9),
    Broken("DS with a wrong digest", ds_with_wrong_digest, "ds.no-match", 9),
    Broken("DS of a key that does not sign the DNSKEY set", ds_of_the_zone_key, "ds.not-signed-by-linking-key", 10),
    Broken("DS with an unknown digest type only", ds_digest_unknown, "ds.digest", 2),
    Broken("DNSKEY of an algorithm that signs nothing", algorithm_incomplete, "gate.algorithm-incomplete", 10),
    Broken("keys of an unknown algorithm only", algorithm_unknown, "ds.algorithm", 1),
    Broken("zone signing key without zone key bit", no_zone_key_bit, "rrsig.no-zone-key-bit", 11),
    Broken("zone signing key revoked", revoked, "rrsig.revoked", 9),
    Broken("zone signing key with protocol 2", wrong_protocol, "rrsig.protocol", 9),
    Broken("NSEC3 of a name missing", nsec3_missing, "chain.nsec3-missing", 12),
    Broken("NSEC3 of the apex missing", apex_nsec3_missing, "chain.nsec3-missing", 12),
    Broken("NSEC3 of an empty non-terminal missing", non_terminal_missing, "chain.nsec3-missing", 12),
    Broken("opt-out: NSEC3 of a signed delegation missing", opt_out_signed_delegation, "chain.nsec3-missing", 12),
    Broken("NSEC3 bitmap lacks a type", nsec3_bitmap_lacks, "chain.nsec3-bitmap", 6),
    Broken("NSEC3 bitmap claims a type", nsec3_bitmap_claims, "chain.nsec3-bitmap", 6),
    Broken("NSEC3 with a wrong next hash", nsec3_next, "chain.nsec3-next", 12),
    Broken("NSEC3 of a name that is gone", nsec3_left_over, "chain.nsec3-extra", 12),
    Broken("NSEC3 with a salt of its own", nsec3_salt, "chain.nsec3-parameters", 12),
    Broken("NSEC3PARAM missing", nsec3param_missing, "chain.no-nsec3param", 12),
    Broken("500 NSEC3 iterations", many_iterations, "chain.iterations", 27),
    Broken("name added after signing", name_added, "chain.nsec3-missing", 12),
    Broken("NSEC of a name missing", nsec_missing, "chain.nsec-missing", 12, nsec=True),
    Broken("NSEC with a wrong next name", nsec_next, "chain.nsec-next", 12, nsec=True),
    Broken("NSEC bitmap claims a type", nsec_bitmap, "chain.nsec-bitmap", 6, nsec=True),
    Broken("no NSEC and no NSEC3", no_chain, "chain.none", 12, nsec=True),
    Broken("CDS of a key that does not sign the DNSKEY set", cds_of_another_key, "gate.cds", -1),
    Broken("CDS and CDNSKEY of different keys", cds_unlike_cdnskey, "gate.cds", -1),
    Broken("CDS that deletes beside one that does not", cds_delete_and_more, "gate.cds", -1),
    Broken("not signed at all, with a DS in the parent", never_signed, "gate.no-dnskey", 9),
]
