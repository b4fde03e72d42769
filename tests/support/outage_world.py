"""A parent that breaks its own signatures: children that were known before, and what becomes of them."""

from collections.abc import Callable

import dns.rdatatype
import dns.rrset

from holdfast.base.settings import EngineSettings
from tests.support.engine_world import ROOT_ADDRESS, Message, plain_settings
from tests.support.signed_world import SignedWorld

HOUR_US = 3_600_000_000
CHILDREN = {
    "signed": "www 300 IN A 192.0.2.80\nnew 300 IN A 192.0.2.81\n"
    "*.wild 300 IN A 192.0.2.82\nreal.wild 300 IN A 192.0.2.83\n",
    "plain": "www 300 IN A 192.0.2.90\nnew 300 IN A 192.0.2.91\n",
    "unseen": "www 300 IN A 192.0.2.95\n",
}


def spoil(rrset: dns.rrset.RRset) -> None:
    """Flip a bit of every signature of an RRSIG RRset."""
    for rdata in list(rrset):
        signature = bytes((rdata.signature[0] ^ 1,)) + rdata.signature[1:]
        changed = rdata.replace(signature=signature)
        rrset.items = {changed if one is rdata else one: None for one in rrset.items}


def signatures(message: Message) -> list[dns.rrset.RRset]:
    """The RRSIG RRsets of a message."""
    sections = (message.answer, message.authority, message.additional)
    return [rrset for section in sections for rrset in section if rrset.rdtype == dns.rdatatype.RRSIG]


class OutageWorld(SignedWorld):
    """Root and three children, two signed and one not; while ``broken``, what the root signs beside its keys is bad.

    ``forge`` changes the responses of the children's server (an attacker on that path).
    """

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.broken = False
        self.parent_silent = False
        self.forge: Callable[[Message, Message], Message | None] | None = None
        settings = settings or plain_settings()
        settings.serve_stale = True
        super().__init__(CHILDREN, unsigned=("plain",), settings=settings)
        genuine = self.respond

        def respond(address: str, query: Message) -> Message | None:
            if address == ROOT_ADDRESS and self.parent_silent:
                return None
            response = genuine(address, query)
            if response is None:
                return None
            if address != ROOT_ADDRESS:
                return self.forge(query, response) if self.forge is not None else response
            if self.broken:
                for rrset in signatures(response):
                    if rrset.covers != dns.rdatatype.DNSKEY:
                        spoil(rrset)
            return response

        self.respond = respond

    def break_parent(self, hours: int = 2) -> None:
        """Break the root's signatures, and let the children's data and delegations run out."""
        self.broken = True
        self.later(hours)

    def later(self, hours: int) -> None:
        """Let time pass."""
        self.pass_time_us(hours * HOUR_US)
