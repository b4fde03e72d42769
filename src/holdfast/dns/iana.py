"""Numbers and names of the IANA registries "DNS Parameters" and "DNSSEC Algorithm Numbers"; plain ints on the wire."""

from typing import Final

# -- header flags (RFC 1035 section 4.1.1, RFC 4035 section 3) ---------------------------------------------------------
FLAG_QR: Final = 0x8000
FLAG_AA: Final = 0x0400
FLAG_TC: Final = 0x0200
FLAG_RD: Final = 0x0100
FLAG_RA: Final = 0x0080
FLAG_AD: Final = 0x0020
FLAG_CD: Final = 0x0010
OPCODE_MASK: Final = 0x7800
RCODE_MASK: Final = 0x000F

# -- opcodes -----------------------------------------------------------------------------------------------------------
OPCODE_QUERY: Final = 0
OPCODE_IQUERY: Final = 1
OPCODE_STATUS: Final = 2
OPCODE_NOTIFY: Final = 4
OPCODE_UPDATE: Final = 5
OPCODE_DSO: Final = 6

# -- RCODEs ------------------------------------------------------------------------------------------------------------
RCODE_NOERROR: Final = 0
RCODE_FORMERR: Final = 1
RCODE_SERVFAIL: Final = 2
RCODE_NXDOMAIN: Final = 3
RCODE_NOTIMP: Final = 4
RCODE_REFUSED: Final = 5
RCODE_YXDOMAIN: Final = 6
RCODE_YXRRSET: Final = 7
RCODE_NXRRSET: Final = 8
RCODE_NOTAUTH: Final = 9
RCODE_NOTZONE: Final = 10
RCODE_DSOTYPENI: Final = 11
RCODE_BADVERS: Final = 16
RCODE_BADKEY: Final = 17
RCODE_BADTIME: Final = 18
RCODE_BADMODE: Final = 19
RCODE_BADNAME: Final = 20
RCODE_BADALG: Final = 21
RCODE_BADTRUNC: Final = 22
RCODE_BADCOOKIE: Final = 23

# -- classes -----------------------------------------------------------------------------------------------------------
CLASS_IN: Final = 1
CLASS_CH: Final = 3
CLASS_HS: Final = 4
CLASS_NONE: Final = 254
CLASS_ANY: Final = 255

# -- types that the code has to know -----------------------------------------------------------------------------------
TYPE_A: Final = 1
TYPE_NS: Final = 2
TYPE_MD: Final = 3
TYPE_MF: Final = 4
TYPE_CNAME: Final = 5
TYPE_SOA: Final = 6
TYPE_MB: Final = 7
TYPE_MG: Final = 8
TYPE_MR: Final = 9
TYPE_NULL: Final = 10
TYPE_WKS: Final = 11
TYPE_PTR: Final = 12
TYPE_HINFO: Final = 13
TYPE_MINFO: Final = 14
TYPE_MX: Final = 15
TYPE_TXT: Final = 16
TYPE_RP: Final = 17
TYPE_AFSDB: Final = 18
TYPE_RT: Final = 21
TYPE_SIG: Final = 24
TYPE_KEY: Final = 25
TYPE_PX: Final = 26
TYPE_AAAA: Final = 28
TYPE_LOC: Final = 29
TYPE_NXT: Final = 30
TYPE_SRV: Final = 33
TYPE_NAPTR: Final = 35
TYPE_KX: Final = 36
TYPE_CERT: Final = 37
TYPE_A6: Final = 38
TYPE_DNAME: Final = 39
TYPE_OPT: Final = 41
TYPE_APL: Final = 42
TYPE_DS: Final = 43
TYPE_SSHFP: Final = 44
TYPE_IPSECKEY: Final = 45
TYPE_RRSIG: Final = 46
TYPE_NSEC: Final = 47
TYPE_DNSKEY: Final = 48
TYPE_DHCID: Final = 49
TYPE_NSEC3: Final = 50
TYPE_NSEC3PARAM: Final = 51
TYPE_TLSA: Final = 52
TYPE_SMIMEA: Final = 53
TYPE_HIP: Final = 55
TYPE_CDS: Final = 59
TYPE_CDNSKEY: Final = 60
TYPE_OPENPGPKEY: Final = 61
TYPE_CSYNC: Final = 62
TYPE_ZONEMD: Final = 63
TYPE_SVCB: Final = 64
TYPE_HTTPS: Final = 65
TYPE_SPF: Final = 99
TYPE_NXNAME: Final = 128
TYPE_TKEY: Final = 249
TYPE_TSIG: Final = 250
TYPE_IXFR: Final = 251
TYPE_AXFR: Final = 252
TYPE_MAILB: Final = 253
TYPE_MAILA: Final = 254
TYPE_ANY: Final = 255
TYPE_URI: Final = 256
TYPE_CAA: Final = 257
TYPE_DLV: Final = 32769

# -- EDNS options ------------------------------------------------------------------------------------------------------
EDNS_OPTION_NSID: Final = 3
EDNS_OPTION_DAU: Final = 5
EDNS_OPTION_DHU: Final = 6
EDNS_OPTION_N3U: Final = 7
EDNS_OPTION_CLIENT_SUBNET: Final = 8
EDNS_OPTION_EXPIRE: Final = 9
EDNS_OPTION_COOKIE: Final = 10
EDNS_OPTION_KEEPALIVE: Final = 11
EDNS_OPTION_PADDING: Final = 12
EDNS_OPTION_CHAIN: Final = 13
EDNS_OPTION_KEY_TAG: Final = 14
EDNS_OPTION_EDE: Final = 15
EDNS_OPTION_REPORT_CHANNEL: Final = 18
EDNS_OPTION_ZONEVERSION: Final = 19

# -- DNSSEC ------------------------------------------------------------------------------------------------------------
ALGORITHM_DELETE: Final = 0  # RFC 8078 section 4
ALGORITHM_RSAMD5: Final = 1
ALGORITHM_DH: Final = 2
ALGORITHM_DSA: Final = 3
ALGORITHM_RSASHA1: Final = 5
ALGORITHM_DSA_NSEC3_SHA1: Final = 6
ALGORITHM_RSASHA1_NSEC3_SHA1: Final = 7
ALGORITHM_RSASHA256: Final = 8
ALGORITHM_RSASHA512: Final = 10
ALGORITHM_ECC_GOST: Final = 12
ALGORITHM_ECDSAP256SHA256: Final = 13
ALGORITHM_ECDSAP384SHA384: Final = 14
ALGORITHM_ED25519: Final = 15
ALGORITHM_ED448: Final = 16
ALGORITHM_SM2SM3: Final = 17
ALGORITHM_ECC_GOST12: Final = 23
ALGORITHM_INDIRECT: Final = 252
ALGORITHM_PRIVATEDNS: Final = 253
ALGORITHM_PRIVATEOID: Final = 254

DIGEST_SHA1: Final = 1
DIGEST_SHA256: Final = 2
DIGEST_GOST: Final = 3
DIGEST_SHA384: Final = 4
DIGEST_GOST12: Final = 5
DIGEST_SM3: Final = 6

DNSKEY_FLAG_ZONE: Final = 0x0100  # RFC 4034 section 2.1.1
DNSKEY_FLAG_REVOKE: Final = 0x0080  # RFC 5011 section 3
DNSKEY_FLAG_SEP: Final = 0x0001
DNSKEY_PROTOCOL: Final = 3
NSEC3_HASH_SHA1: Final = 1
NSEC3_FLAG_OPT_OUT: Final = 0x01

# -- Extended DNS Errors (RFC 8914 and later registrations) ------------------------------------------------------------
EDE_OTHER: Final = 0
EDE_UNSUPPORTED_DNSKEY_ALGORITHM: Final = 1
EDE_UNSUPPORTED_DS_DIGEST_TYPE: Final = 2
EDE_STALE_ANSWER: Final = 3
EDE_FORGED_ANSWER: Final = 4
EDE_DNSSEC_INDETERMINATE: Final = 5
EDE_DNSSEC_BOGUS: Final = 6
EDE_SIGNATURE_EXPIRED: Final = 7
EDE_SIGNATURE_NOT_YET_VALID: Final = 8
EDE_DNSKEY_MISSING: Final = 9
EDE_RRSIGS_MISSING: Final = 10
EDE_NO_ZONE_KEY_BIT_SET: Final = 11
EDE_NSEC_MISSING: Final = 12
EDE_CACHED_ERROR: Final = 13
EDE_NOT_READY: Final = 14
EDE_BLOCKED: Final = 15
EDE_CENSORED: Final = 16
EDE_FILTERED: Final = 17
EDE_PROHIBITED: Final = 18
EDE_STALE_NXDOMAIN_ANSWER: Final = 19
EDE_NOT_AUTHORITATIVE: Final = 20
EDE_NOT_SUPPORTED: Final = 21
EDE_NO_REACHABLE_AUTHORITY: Final = 22
EDE_NETWORK_ERROR: Final = 23
EDE_INVALID_DATA: Final = 24
EDE_SIGNATURE_EXPIRED_BEFORE_VALID: Final = 25
EDE_TOO_EARLY: Final = 26
EDE_UNSUPPORTED_NSEC3_ITERATIONS: Final = 27
EDE_UNABLE_TO_CONFORM_TO_POLICY: Final = 28
EDE_SYNTHESIZED: Final = 29
EDE_INVALID_QUERY_TYPE: Final = 30
EDE_RATE_LIMITED: Final = 31
EDE_OVER_QUOTA: Final = 32
EDE_NEGATIVE_TRUST_ANCHOR: Final = 33

TYPE_NAMES: Final[dict[int, str]] = {
    1: "A", 2: "NS", 3: "MD", 4: "MF", 5: "CNAME", 6: "SOA", 7: "MB", 8: "MG", 9: "MR", 10: "NULL", 11: "WKS",
    12: "PTR", 13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 19: "X25", 20: "ISDN", 21: "RT",
    22: "NSAP", 23: "NSAP-PTR", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS", 28: "AAAA", 29: "LOC", 30: "NXT",
    31: "EID", 32: "NIMLOC", 33: "SRV", 34: "ATMA", 35: "NAPTR", 36: "KX", 37: "CERT", 38: "A6", 39: "DNAME",
    40: "SINK", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY",
    49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 56: "NINFO", 57: "RKEY",
    58: "TALINK", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS",
    66: "DSYNC", 67: "HHIT", 68: "BRID", 99: "SPF", 100: "UINFO", 101: "UID", 102: "GID", 103: "UNSPEC", 104: "NID",
    105: "L32", 106: "L64", 107: "LP", 108: "EUI48", 109: "EUI64", 128: "NXNAME", 249: "TKEY", 250: "TSIG",
    251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI", 257: "CAA", 258: "AVC", 259: "DOA",
    260: "AMTRELAY", 261: "RESINFO", 262: "WALLET", 263: "CLA", 264: "IPN", 32768: "TA", 32769: "DLV",
}  # fmt: skip
TYPE_NUMBERS: Final[dict[str, int]] = {text: number for number, text in TYPE_NAMES.items()}
CLASS_NAMES: Final[dict[int, str]] = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
OPCODE_NAMES: Final[dict[int, str]] = {0: "QUERY", 1: "IQUERY", 2: "STATUS", 4: "NOTIFY", 5: "UPDATE", 6: "DSO"}
RCODE_NAMES: Final[dict[int, str]] = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
    8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 11: "DSOTYPENI", 16: "BADVERS", 17: "BADKEY", 18: "BADTIME",
    19: "BADMODE", 20: "BADNAME", 21: "BADALG", 22: "BADTRUNC", 23: "BADCOOKIE",
}  # fmt: skip
ALGORITHM_NAMES: Final[dict[int, str]] = {
    0: "DELETE", 1: "RSAMD5", 2: "DH", 3: "DSA", 5: "RSASHA1", 6: "DSA-NSEC3-SHA1", 7: "RSASHA1-NSEC3-SHA1",
    8: "RSASHA256", 10: "RSASHA512", 12: "ECC-GOST", 13: "ECDSAP256SHA256", 14: "ECDSAP384SHA384", 15: "ED25519",
    16: "ED448", 17: "SM2SM3", 23: "ECC-GOST12", 252: "INDIRECT", 253: "PRIVATEDNS", 254: "PRIVATEOID",
}  # fmt: skip
DIGEST_NAMES: Final[dict[int, str]] = {
    1: "SHA-1", 2: "SHA-256", 3: "GOST R 34.11-94", 4: "SHA-384", 5: "GOST R 34.11-2012", 6: "SM3",
}  # fmt: skip
EDE_NAMES: Final[dict[int, str]] = {
    0: "Other Error",
    1: "Unsupported DNSKEY Algorithm",
    2: "Unsupported DS Digest Type",
    3: "Stale Answer",
    4: "Forged Answer",
    5: "DNSSEC Indeterminate",
    6: "DNSSEC Bogus",
    7: "Signature Expired",
    8: "Signature Not Yet Valid",
    9: "DNSKEY Missing",
    10: "RRSIGs Missing",
    11: "No Zone Key Bit Set",
    12: "NSEC Missing",
    13: "Cached Error",
    14: "Not Ready",
    15: "Blocked",
    16: "Censored",
    17: "Filtered",
    18: "Prohibited",
    19: "Stale NXDOMAIN Answer",
    20: "Not Authoritative",
    21: "Not Supported",
    22: "No Reachable Authority",
    23: "Network Error",
    24: "Invalid Data",
    25: "Signature Expired before Valid",
    26: "Too Early",
    27: "Unsupported NSEC3 Iterations Value",
    28: "Unable to conform to policy",
    29: "Synthesized",
    30: "Invalid Query Type",
    31: "Rate Limited",
    32: "Over Quota",
    33: "Negative Trust Anchor",
}


def type_name(rtype: int) -> str:
    """Return the mnemonic of an RR type, or ``TYPE123`` for one without (RFC 3597 section 5)."""
    return TYPE_NAMES.get(rtype) or f"TYPE{rtype}"


def type_number(text: str) -> int:
    """Return the number of an RR type given as mnemonic or ``TYPE123``, in any case; -1 if it is neither."""
    upper = text.upper()
    number = TYPE_NUMBERS.get(upper, -1)
    if number < 0 and upper.startswith("TYPE"):
        return decimal(upper[4:], 0xFFFF)
    return number


def class_name(rclass: int) -> str:
    """Return the mnemonic of a class, or ``CLASS123`` (RFC 3597 section 5)."""
    return CLASS_NAMES.get(rclass) or f"CLASS{rclass}"


def rcode_name(rcode: int) -> str:
    """Return the mnemonic of an (extended) RCODE, or ``RCODE123``."""
    return RCODE_NAMES.get(rcode) or f"RCODE{rcode}"


def opcode_name(opcode: int) -> str:
    """Return the mnemonic of an opcode, or ``OPCODE7``."""
    return OPCODE_NAMES.get(opcode) or f"OPCODE{opcode}"


def algorithm_name(algorithm: int) -> str:
    """Return the mnemonic of a DNSSEC algorithm, or ``ALGORITHM123``."""
    return ALGORITHM_NAMES.get(algorithm) or f"ALGORITHM{algorithm}"


def decimal(text: str, highest: int) -> int:
    """Return the value of a plain decimal number up to ``highest``; -1 if ``text`` is anything else."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(highest)):
        return -1
    value = int(text)
    return value if value <= highest else -1
