"""Texts that a user writes for addresses, prefixes and names, and what they stand for in the engine."""

import re
from ipaddress import ip_address, ip_interface, ip_network
from unicodedata import normalize

from holdfast.base.settings import AccessRule, UpstreamServer
from holdfast.base.siphash import KEY_OCTETS
from holdfast.dns import iana
from holdfast.dns import name as dns_name
from holdfast.server.vantage_point import TLS_PORT, VantagePoint

_LABEL = re.compile("[a-z0-9][a-z0-9-]{0,31}")


def parse_endpoint(text: str, default_port: int = 53) -> tuple[str, int]:
    """Return address and port of ``192.0.2.1``, ``192.0.2.1:53``, ``2001:db8::1`` or ``[2001:db8::1]:53``.

    Raises `ValueError` with a reason made for users.
    """
    host, port_text = text, ""
    if text.startswith("["):
        host, bracket, port_text = text[1:].partition("]")
        if not bracket or (port_text and not port_text.startswith(":")):
            raise ValueError(f"{text!r} is not an address; write [2001:db8::1]:53")
        port_text = port_text[1:]
        bad_port = text.endswith(":")
    else:
        if text.count(":") == 1:
            host, _, port_text = text.partition(":")
        bad_port = host != text and not port_text
    port = iana.decimal(port_text, 0xFFFF) if port_text else default_port
    if bad_port or not 0 <= port <= 0xFFFF:
        raise ValueError(f"the port in {text!r} is not a number in 0..65535")
    try:
        return str(ip_address(host)), port
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address; write 192.0.2.1:53 or [2001:db8::1]:53") from None


def parse_address(text: str) -> bytes:
    """Return an address in packed form; `ValueError` has a reason made for users."""
    try:
        return ip_address(text).packed
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address") from None


def upstream_server(text: str, default_port: int = 53) -> UpstreamServer:
    """Return the server at an endpoint text."""
    address, port = parse_endpoint(text, default_port)
    return UpstreamServer(parse_address(address), port)


def parse_prefix(text: str, allow: bool) -> AccessRule:
    """Return the rule for ``192.0.2.0/24`` or a single address; host bits must be zero.

    Raises `ValueError` with a reason made for users.
    """
    try:
        network = ip_network(text)
    except ValueError:
        try:
            meant = ip_interface(text).network
        except ValueError:
            raise ValueError(f"{text!r} is not an address prefix; write 192.0.2.0/24 or 2001:db8::/32") from None
        raise ValueError(f"{text!r} has bits beyond its length; did you mean {str(meant)!r}?") from None
    return AccessRule(network.network_address.packed, network.prefixlen, allow)


def parse_cookie_secret(text: str) -> bytes:
    """Return the 16 octets of a cookie secret; `ValueError` has a reason made for users."""
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != KEY_OCTETS:
        raise ValueError("a cookie secret is 32 hexadecimal digits; make one with `openssl rand -hex 16`")
    return secret


def parse_label(text: str) -> str:
    """Return a name that the configuration gives to something; `ValueError` has a reason made for users."""
    if not _LABEL.fullmatch(text):
        raise ValueError(f"{text!r} is not a plain name: letters a-z, digits and hyphens, at most 32 in all")
    return text


def parse_name(text: str) -> bytes:
    """Return a domain name in wire format, lower-cased; labels beyond ASCII become A-labels (RFC 5891 section 5).

    Raises `ValueError` with a reason made for users.
    """
    wire = dns_name.from_text(text)
    if wire is None and not text.isascii():
        wire = dns_name.from_text(_to_a_labels(text))
    if wire is None:
        raise ValueError(f"{text!r} is not a domain name: {_why_not_a_name(text)}")
    return wire


def parse_type(text: str) -> int:
    """Return the number of an RR type that can be asked for; `ValueError` says why it cannot."""
    number = iana.type_number(text)
    if number < 0:
        raise ValueError(f"{text!r} is not a record type; write a mnemonic such as AAAA, or TYPE65280")
    if number == 0 or number == iana.TYPE_OPT or iana.TYPE_TKEY <= number <= iana.TYPE_AXFR:
        raise ValueError(f"{iana.type_name(number)} is not a type of data; it cannot be resolved")
    return number


def _to_a_labels(text: str) -> str:
    # No table of permitted characters: a name that no registry would accept simply does not exist.
    labels = normalize("NFC", text.lower()).split(".")
    return ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in labels)


def _why_not_a_name(text: str) -> str:
    if not text:
        return "it is empty (the root is '.')"
    labels = text.removesuffix(".").split(".")
    if "" in labels:
        return "it has an empty label"
    if max(len(label) for label in labels) > dns_name.LABEL_MAXIMUM and "\\" not in text:
        return f"a label has more than {dns_name.LABEL_MAXIMUM} octets"
    if "\\" in text:
        return r"its escapes are not of the form \. or \065, or it is too long"
    return f"it has more than {dns_name.NAME_MAXIMUM} octets"


SECONDS_OF = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DURATION_DIGITS = 9


def parse_duration(text: str) -> int:
    """Return the seconds of ``90s``, ``30m``, ``1h``, ``2d`` or ``1w``; `ValueError` has a reason made for users."""
    number, unit = text[:-1], text[-1:]
    if unit not in SECONDS_OF or not (number.isascii() and number.isdigit()) or len(number) > DURATION_DIGITS:
        raise ValueError(f"{text!r} is not a time such as 90s, 30m, 1h, 2d or 1w")
    return int(number) * SECONDS_OF[unit]


def parse_vantage_point(text: str) -> VantagePoint:
    """Return the resolver of ``tls://ADDRESS[:PORT]#NAME``, ``tunnel://ADDRESS[:PORT]`` or ``ADDRESS[:PORT]``.

    Raises ValueError.
    """
    scheme, separator, rest = text.rpartition("://")
    if not separator:
        return VantagePoint(*parse_endpoint(text))
    if scheme == "tunnel":
        return VantagePoint(*parse_endpoint(rest), is_tunnel=True)
    if scheme != "tls":
        raise ValueError(f'{text!r} is no vantage point: write "tls://ADDRESS#NAME", "tunnel://ADDRESS" or "ADDRESS"')
    place, _, name = rest.partition("#")
    wire = dns_name.from_text(name)
    if wire is None or wire == dns_name.ROOT:
        raise ValueError(f'{text!r} has no name for the certificate: write "tls://ADDRESS#NAME"')
    return VantagePoint(*parse_endpoint(place, TLS_PORT), dns_name.to_text(wire))
