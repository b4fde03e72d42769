"""How much of a name to show to a server (RFC 9156)."""

from holdfast.base.limits import MINIMISATION_STEPS, MINIMISE_ONE_LABEL
from holdfast.dns.name import label_count, suffix


def minimised(name: bytes, zone: bytes, shown_labels: int, step: int) -> bytes:
    """Return the next name to ask the servers of ``zone``: RFC 9156 section 2.3.

    ``shown_labels`` is how many labels were shown to these servers already (at least those of ``zone``), ``step`` how
    many minimised questions were asked so far. The first ones add one label each; afterwards the rest is spread
    evenly, so that no name costs more than ``MINIMISATION_STEPS`` questions.
    """
    total = label_count(name)
    shown = max(shown_labels, label_count(zone))
    rest = total - shown
    if rest <= 1 or step >= MINIMISATION_STEPS:
        return name
    if step < MINIMISE_ONE_LABEL:
        return suffix(name, shown + 1)
    left = MINIMISATION_STEPS - step
    return suffix(name, shown + max(1, (rest + left - 1) // left))
