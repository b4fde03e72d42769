"""How much cryptography one client request may cause (KeyTrap: CVE-2023-50387, NSEC3 exhaustion: CVE-2023-50868)."""

from mypy_extensions import mypyc_attr

from holdfast.base.limits import NSEC3_HASHES_PER_REQUEST, SIGNATURE_CHECKS_PER_REQUEST


@mypyc_attr(acyclic=True)
class WorkBudget:
    """What is left to spend. Everything validated on behalf of one request shares one budget.

    ``refused``: something was asked for that was not left.
    """

    def __init__(
        self,
        signature_checks: int = SIGNATURE_CHECKS_PER_REQUEST,
        nsec3_hashes: int = NSEC3_HASHES_PER_REQUEST,
    ) -> None:
        self.signature_checks = signature_checks
        self.nsec3_hashes = nsec3_hashes
        self.refused = False

    def take_signature_check(self) -> bool:
        """Take one signature check; False: none is left."""
        if self.signature_checks <= 0:
            self.refused = True
            return False
        self.signature_checks -= 1
        return True

    def take_nsec3_hash(self) -> bool:
        """Take one NSEC3 hash calculation, whatever its iterations; False: none is left."""
        if self.nsec3_hashes <= 0:
            self.refused = True
            return False
        self.nsec3_hashes -= 1
        return True
