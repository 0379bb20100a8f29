"""What carries packets: the only places on the host that do I/O."""
