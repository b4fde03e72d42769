"""Datagrams between sockets and the engine: what runs for every packet, compiled; the server gives it its sockets."""
