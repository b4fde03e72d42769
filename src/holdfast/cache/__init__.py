"""Caches of whole answers, RRsets, denials, failures, keys and servers, all bounded and aged by TTL."""
