"""The other side of DNSSEC: keys and their life, zone signing, and the gate that a zone passes before publication."""
