"""Iterative resolution: from the root to an answer, one explicit state at a time."""
