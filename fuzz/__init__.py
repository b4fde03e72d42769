"""Random, truncated and mutated packets against the engine, from both sides, in virtual time."""
