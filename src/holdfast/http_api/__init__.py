"""The HTTP API: what the control socket offers, for consoles and programs on this machine and, if wanted, elsewhere."""
