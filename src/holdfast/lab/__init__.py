"""An Internet in a box: embedded authoritative servers, broken zones, and scenario files."""
