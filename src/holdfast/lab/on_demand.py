"""Signing a zone bit by bit, when its records are asked for."""

from collections.abc import Sequence

from holdfast.crypto.signing import ZoneKey
from holdfast.dns.rrset import RRset
from holdfast.registry.signer import KeySet, Validity, prepare
from holdfast.registry.zone import Nsec3Parameters, Zone


def sign_zone_on_demand(
    zone: Zone, keys: Sequence[ZoneKey], validity: Validity, nsec3: Nsec3Parameters | None = None
) -> None:
    """Give a zone keys in their usual roles and its denial chain; each RRset is signed when it is first asked for."""
    zone.keys = list(keys)
    key_set = KeySet.by_flags(keys)
    prepare(zone, key_set, nsec3)

    def sign(rrset: RRset) -> list[bytes]:
        return [
            key.sign(rrset, zone.name, validity.inception_s, validity.expiration_s)
            for key in key_set.signing(rrset.rtype)
        ]

    zone.sign_on_demand = sign
