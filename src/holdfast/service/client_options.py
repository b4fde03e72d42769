"""The EDNS options that concern one client alone: NSID, COOKIE, edns-tcp-keepalive.

What they put into a response is not part of the answer, so the packet cache keeps answers without it; it is appended
last. An option that occurs again is ignored (RFC 7873 section 5.2 asks so for cookies).
"""

from typing import Final

from mypy_extensions import mypyc_attr

from holdfast.base.effects import TRANSPORT_UDP, Client
from holdfast.base.instant import Instant
from holdfast.base.settings import EngineSettings
from holdfast.dns.edns import EdnsOption, option_octets
from holdfast.dns.iana import EDNS_OPTION_COOKIE, EDNS_OPTION_KEEPALIVE, EDNS_OPTION_NSID
from holdfast.dns.message import Question
from holdfast.service.server_cookies import GOOD, MALFORMED, ServerCookies

KEEPALIVE_UNIT_MS: Final = 100  # RFC 7828 section 3.1
KEEPALIVE_MAXIMUM: Final = 0xFFFF
SEED_OCTETS: Final = 32
IDENTITY_OCTETS: Final = 255


@mypyc_attr(acyclic=True)
class PersonalOptions:
    """``octets``: options in wire format for the response; ``proven``: the client's address is not forged.

    ``malformed`` names the option that makes the query a format error, "": none.
    """

    def __init__(self, octets: bytes, proven: bool, malformed: str) -> None:
        self.octets: Final = octets
        self.proven: Final = proven
        self.malformed: Final = malformed


class ClientOptions:
    """Reads the options of queries."""

    def __init__(self, settings: EngineSettings, seed: bytes) -> None:
        self.settings: Final = settings
        self.cookies: Final = ServerCookies(settings, seed)
        self.identity: Final = settings.server_identity.encode()[:IDENTITY_OCTETS]
        timeout = min(settings.tcp_idle_ms // KEEPALIVE_UNIT_MS, KEEPALIVE_MAXIMUM)
        self.keepalive: Final = EdnsOption(EDNS_OPTION_KEEPALIVE, timeout.to_bytes(2, "big"))
        self.over_udp: Final = PersonalOptions(b"", False, "")
        self.over_stream: Final = PersonalOptions(b"", True, "")

    def read(self, question: Question, client: Client, now: Instant) -> PersonalOptions:
        """Return what the options of a query mean for its response."""
        edns = question.edns
        is_stream = client.transport != TRANSPORT_UDP
        if edns is None or not (edns.options or client.keepalive_wanted):
            return self.over_stream if is_stream else self.over_udp
        options: list[EdnsOption] = []
        proven = is_stream
        if self.identity and edns.option(EDNS_OPTION_NSID) is not None:
            options.append(EdnsOption(EDNS_OPTION_NSID, self.identity))  # RFC 5001 section 2.2
        cookie = edns.option(EDNS_OPTION_COOKIE)
        if cookie is not None and self.settings.server_cookies:
            checked = self.cookies.check(cookie, client.address, now)
            if checked.state == MALFORMED:
                return PersonalOptions(b"", proven, "COOKIE")  # RFC 7873 section 5.2.2
            proven = proven or checked.state == GOOD
            options.append(EdnsOption(EDNS_OPTION_COOKIE, checked.reply))
        if is_stream:
            wanted = edns.option(EDNS_OPTION_KEEPALIVE)
            if wanted:
                return PersonalOptions(b"", proven, "edns-tcp-keepalive")  # RFC 7828 section 3.2.1: sent empty
            client.keepalive_wanted = client.keepalive_wanted or wanted is not None
            if client.keepalive_wanted:
                options.append(self.keepalive)
        return PersonalOptions(option_octets(options), proven, "")
