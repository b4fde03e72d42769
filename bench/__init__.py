"""Measures what a query costs: server CPU of holdfast and its peers under the same load (see README.md)."""
