"""What the servers of a zone said, kept so that anybody can judge it again, and the judgement (RFC 7646 section 2)."""
