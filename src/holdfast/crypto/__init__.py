"""Signature verification behind the engine's verifier seam, and signing for the lab."""
