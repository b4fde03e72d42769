"""RDATA from and to presentation format: fast paths for the types that fill signed zones, dnspython for the rest."""

import socket
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from calendar import timegm
from collections.abc import Callable
from time import gmtime, strftime, strptime

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from holdfast.cache.denial_cache import base32hex_label
from holdfast.dns import iana
from holdfast.dns.name import from_text, to_text
from holdfast.dns.rdata import NSEC3, RRSIG, bitmap_types, parse_nsec, parse_nsec3, parse_rrsig
from holdfast.dns.reader import name_end, u16
from holdfast.registry.denial_chain import type_bitmap

NAMES_REMEMBERED = 100_000  # text of names already converted; servers of delegations repeat without end
_HASH_OCTETS = 20  # of SHA-1
_HASH_DIGITS = 32  # of an NSEC3 hash in base32hex; others go to dnspython
_ALGORITHM_NUMBERS = {text: number for number, text in iana.ALGORITHM_NAMES.items()}

_names: dict[tuple[str, str], bytes] = {}
_times: dict[str, bytes] = {}
_bitmaps: dict[tuple[str, ...], bytes] = {}


def absolute_name(text: str, origin: str) -> bytes:
    """Return a name, its letter case kept; ``origin`` has a final dot or is empty. Raises ValueError."""
    key = (text, origin)
    found = _names.get(key)
    if found is None:
        if len(_names) >= NAMES_REMEMBERED:
            _names.clear()
        found = _names[key] = _absolute_name(text, origin)
    return found


def _absolute_name(text: str, origin: str) -> bytes:
    whole = text
    if text == "@":
        whole = origin
    elif not text.endswith(".") or (text.endswith("\\.") and not text.endswith("\\\\.")):
        whole = f"{text}.{origin.removeprefix('.')}"
        if not origin:
            raise ValueError(f"the name {text!r} is relative, and there is no $ORIGIN")
    wire = from_text(whole)
    if wire is None or not whole:
        raise ValueError(f"{text!r} is not a domain name")
    if whole == whole.lower():
        return wire
    return dns.name.from_text(whole, None).to_wire() or b""


def rdata_from_fields(rtype: int, fields: list[str], origin: str) -> bytes:
    """Return RDATA in wire format from its fields; quoted strings still have their quotes. Raises ValueError."""
    reader = _READERS.get(rtype)
    if reader is not None and fields and fields[0] != "\\#":
        try:
            return reader(fields, origin)
        except (IndexError, OverflowError, OSError, KeyError, ValueError):
            pass  # dnspython accepts more, and says better what is wrong
    text = " ".join(fields)
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise ValueError("has octets that are not UTF-8; write each as \\DDD, its decimal value")
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN,
            dns.rdatatype.RdataType.make(rtype),
            text,
            dns.name.from_text(origin) if origin else None,
            relativize=False,
        )
        return rdata.to_wire() or b""
    except (dns.exception.DNSException, ValueError, OSError) as error:
        raise ValueError(f"bad {iana.type_name(rtype)} record: {error}") from None


def _number(text: str, octets: int) -> bytes:
    return int(text).to_bytes(octets, "big")


def _algorithm(text: str) -> bytes:
    return _number(text, 1) if text.isdigit() else bytes([_ALGORITHM_NUMBERS[text.upper()]])


def _time(text: str) -> bytes:
    found = _times.get(text)
    if found is None:
        seconds = timegm(strptime(text, "%Y%m%d%H%M%S")) if len(text) == 14 else int(text)
        if len(_times) >= NAMES_REMEMBERED:
            _times.clear()
        found = _times[text] = (seconds & 0xFFFFFFFF).to_bytes(4, "big")
    return found


def _base64(fields: list[str]) -> bytes:
    return a2b_base64(fields[0] if len(fields) == 1 else "".join(fields), strict_mode=True)


def _types(fields: list[str]) -> bytes:
    key = tuple(fields)
    found = _bitmaps.get(key)
    if found is None:
        numbers = [iana.type_number(field) for field in fields]
        if -1 in numbers:
            raise ValueError("unknown type")
        if len(_bitmaps) >= NAMES_REMEMBERED:
            _bitmaps.clear()
        found = _bitmaps[key] = type_bitmap(numbers)
    return found


def _one_name(fields: list[str], origin: str) -> bytes:
    (name,) = fields
    return absolute_name(name, origin)


def _mx(fields: list[str], origin: str) -> bytes:
    preference, name = fields
    return _number(preference, 2) + absolute_name(name, origin)


def _address(family: socket.AddressFamily) -> Callable[[list[str], str], bytes]:
    def read(fields: list[str], _origin: str) -> bytes:
        (text,) = fields
        return socket.inet_pton(family, text)

    return read


def _ds(fields: list[str], _origin: str) -> bytes:
    digest = unhexlify("".join(fields[3:]))
    if len(digest) not in (20, 32, 48):
        raise ValueError("digest of unusual size")
    return _number(fields[0], 2) + _algorithm(fields[1]) + _number(fields[2], 1) + digest


def _dnskey(fields: list[str], _origin: str) -> bytes:
    return _number(fields[0], 2) + _number(fields[1], 1) + _algorithm(fields[2]) + _base64(fields[3:])


def _rrsig(fields: list[str], origin: str) -> bytes:
    return (
        iana.TYPE_NUMBERS[fields[0]].to_bytes(2, "big")
        + _algorithm(fields[1])
        + _number(fields[2], 1)
        + _number(fields[3], 4)
        + _time(fields[4])
        + _time(fields[5])
        + _number(fields[6], 2)
        + absolute_name(fields[7], origin)
        + _base64(fields[8:])
    )


def _nsec(fields: list[str], origin: str) -> bytes:
    return absolute_name(fields[0], origin) + _types(fields[1:])


def _nsec3(fields: list[str], _origin: str) -> bytes:
    if len(fields[4]) != _HASH_DIGITS:
        raise ValueError("hash of unusual size")
    salt = b"" if fields[3] == "-" else unhexlify(fields[3])
    return (
        bytes([int(fields[0]), int(fields[1])])
        + _number(fields[2], 2)
        + bytes([len(salt)])
        + salt
        + b"\x14"
        + int(fields[4], 32).to_bytes(20, "big")
        + _types(fields[5:])
    )


_READERS: dict[int, Callable[[list[str], str], bytes]] = {
    iana.TYPE_A: _address(socket.AF_INET),
    iana.TYPE_AAAA: _address(socket.AF_INET6),
    iana.TYPE_NS: _one_name,
    iana.TYPE_CNAME: _one_name,
    iana.TYPE_PTR: _one_name,
    iana.TYPE_DNAME: _one_name,
    iana.TYPE_MX: _mx,
    iana.TYPE_DS: _ds,
    iana.TYPE_CDS: _ds,
    iana.TYPE_DNSKEY: _dnskey,
    iana.TYPE_CDNSKEY: _dnskey,
    iana.TYPE_RRSIG: _rrsig,
    iana.TYPE_NSEC: _nsec,
    iana.TYPE_NSEC3: _nsec3,
}


def rdata_text(rtype: int, rdata: bytes) -> str:
    """Return RDATA in presentation format, names absolute; that of unknown types (RFC 3597) if it is malformed."""
    if rtype == iana.TYPE_A and len(rdata) == 4:
        return socket.inet_ntop(socket.AF_INET, rdata)
    if rtype == iana.TYPE_NS and name_end(rdata, 0, len(rdata)) == len(rdata):
        return name_text(rdata)
    if rtype == iana.TYPE_RRSIG and (rrsig := parse_rrsig(rdata)) is not None:
        return _rrsig_text(rrsig)
    if rtype == iana.TYPE_NSEC3 and (nsec3 := parse_nsec3(rdata)) is not None and len(nsec3.next_hash) == _HASH_OCTETS:
        return _nsec3_text(nsec3)
    if rtype == iana.TYPE_NSEC and (nsec := parse_nsec(rdata)) is not None:
        return " ".join([name_text(rdata[: len(rdata) - len(nsec.bitmap)]), *_type_names(nsec.bitmap)])
    if rtype in (iana.TYPE_DS, iana.TYPE_CDS) and len(rdata) >= 5:
        return f"{u16(rdata, 0)} {rdata[2]} {rdata[3]} {rdata[4:].hex().upper()}"
    if rtype in (iana.TYPE_DNSKEY, iana.TYPE_CDNSKEY) and len(rdata) >= 5:
        return f"{u16(rdata, 0)} {rdata[2]} {rdata[3]} {_base64_text(rdata[4:])}"
    try:
        kind = dns.rdatatype.RdataType.make(rtype)
        return dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata)).to_text()
    except (dns.exception.DNSException, ValueError):
        return f"\\# {len(rdata)} {rdata.hex()}"


def name_text(name: bytes) -> str:
    """Return a name with its final dot."""
    text = to_text(name)
    return text if text == "." else text + "."


def time_text(seconds: int) -> str:
    """Return POSIX time as zone files write it: ``20260505193000``."""
    return strftime("%Y%m%d%H%M%S", gmtime(seconds))


def _base64_text(octets: bytes) -> str:
    return b2a_base64(octets, newline=False).decode("ascii")


def _type_names(bitmap: bytes) -> list[str]:
    return [iana.type_name(number) for number in bitmap_types(bitmap)]


def _rrsig_text(rrsig: RRSIG) -> str:
    return (
        f"{iana.type_name(rrsig.type_covered)} {rrsig.algorithm} {rrsig.labels} {rrsig.original_ttl} "
        f"{time_text(rrsig.expiration)} {time_text(rrsig.inception)} {rrsig.key_tag} {name_text(rrsig.signer)} "
        + _base64_text(rrsig.signature)
    )


def _nsec3_text(nsec3: NSEC3) -> str:
    salt = hexlify(nsec3.salt).decode("ascii").upper() or "-"
    fields = [str(nsec3.hash_algorithm), str(nsec3.flags), str(nsec3.iterations), salt, _base32hex(nsec3.next_hash)]
    return " ".join([*fields, *_type_names(nsec3.bitmap)])


def _base32hex(octets: bytes) -> str:
    return base32hex_label(octets).decode("ascii")
