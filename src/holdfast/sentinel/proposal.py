"""From an incident to a proposed negative trust anchor (RFC 7646): an operator decides, with the evidence in hand."""

from dataclasses import dataclass
from typing import Any

from holdfast.base.limits import ANCHOR_REASON_CHARACTERS, NEGATIVE_TRUST_ANCHOR_LIFETIME_S
from holdfast.dns.name import ROOT, to_text
from holdfast.dnssec.anchor_scope import AnchorScope, default_scope
from holdfast.dnssec.signature_time import utc_text
from holdfast.sentinel.incident import BOGUS, Incident

LIFETIME_S = (
    4 * NEGATIVE_TRUST_ANCHOR_LIFETIME_S
)  # half of the catalogue's outages were over by then; it can be renewed


@dataclass(frozen=True)
class Proposal:
    """A negative trust anchor to consider: zone (wire format), scope, reason for clients to read, seconds of life."""

    zone: bytes
    scope: AnchorScope
    reason: str
    lifetime_s: int

    def values(self) -> dict[str, Any]:
        """Return the proposal as JSON values."""
        zone = to_text(self.zone)
        scope = self.scope.text()
        return {"zone": zone, "scope": scope, "reason": self.reason, "lifetime_s": self.lifetime_s}


def propose(incident: Incident) -> Proposal | None:
    """Return what to propose; None: nothing that a negative trust anchor could mend.

    That is so when servers do not answer, and for the root, without which nothing at all would be validated.
    """
    if incident.kind != BOGUS or incident.zone == ROOT:
        return None
    return Proposal(incident.zone, default_scope(incident.zone), reason_text(incident), LIFETIME_S)


def reason_text(incident: Incident) -> str:
    """Return the reason in the few characters that fit into an extended error beside zone and end.

    What broke comes first, then who shows it; the name of a record that is too long gives way.
    """
    parts = [f"{incident.group} since {utc_text(incident.since_s)[:16]}Z"]
    reason = incident.reason
    if reason is not None and reason.key_tag >= 0:
        parts.append(f"keytag {reason.key_tag}")
    if reason is not None and reason.subject:
        parts.append(reason.subject)
    text = ", ".join(parts)
    return text if len(text) <= ANCHOR_REASON_CHARACTERS else ", ".join(parts[:-1])[:ANCHOR_REASON_CHARACTERS]
