"""holdfast: a DNSSEC-validating recursive resolver."""

__version__ = "0.1.0"
