"""The protocol: packets, framing, receiver. No clock, no sockets, no threads."""
