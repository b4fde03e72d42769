"""The engine: inputs in, effects out; the only part of the compiled core that the outside sees."""
