"""DNS vocabulary and wire format: names, records, messages, EDNS."""
