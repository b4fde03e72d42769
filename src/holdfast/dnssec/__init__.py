"""Validation: chains of trust, signatures, denial of existence, trust anchors and work budgets."""
