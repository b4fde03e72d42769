"""The sockets, timers and worker processes around the engine; asyncio lives only here."""
