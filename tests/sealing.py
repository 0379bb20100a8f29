"""Keys and sealed packets of a transcript, by the oracle: the world's side, and a look at the other's.

A vector that seals has `seal`: the pre-shared keys of the "host" and the "device" (None: none), and whether
the device takes what is "plain". All its packets but HELLO are sealed unless a step says `clear`. Beside the
steps that tools/topics/session.py tells:

    agree      from here on the world seals under the challenges that were said last
    again      the last packet of this kind that the world has sent comes again, byte for byte
    refused    what the host has refused so far, by reason
    forged     (of a packet) it is sealed with another key

"$c" and "$d" are challenges, "$proof" is the proof for the last ones, "$wrong" one of another key.
"""

from __future__ import annotations

from typing import Any

import oracle
from oracle.packet import decode_opened, pack_layout
from oracle.spec import KINDS

Packet = dict[str, Any]
Keys = tuple[bytes, bytes]

NAMES = ("ossicle", "a9e47")
SEALED = oracle.SPEC["flags"]["sealed"]
HEADER_BYTES = oracle.SPEC["limits"]["header_bytes"]
DIRECTIONS = {"host": 0, "device": 1}


class World:
    """`side` is the one under test. The world plays the other, and has the same pre-shared key."""

    def __init__(self, seal: dict[str, Any], side: str) -> None:
        self.psk = bytes.fromhex(seal["device"] or seal["host"])
        self.side = side
        self.other = "device" if side == "host" else "host"
        self.challenges: dict[str, list[bytes]] = {"host": [], "device": []}
        self.keys: Keys | None = None
        self.number = 0
        self.sent: dict[str, bytes] = {}  # by kind, what the world sent last
        self.used: dict[tuple[bytes, int], bytes] = {}  # by key and number, what the other sent

    def challenge(self, side: str, value: str) -> None:
        """A HELLO of this side was said."""
        found = bytes.fromhex(value)
        if not self.challenges[side] or self.challenges[side][-1] != found:
            self.challenges[side].append(found)

    def derived(self, purpose: int, host: bytes, device: bytes) -> bytes:
        return oracle.derive_key(self.psk, purpose, (host, device), NAMES)

    @property
    def proof(self) -> str:
        """For the challenges said last."""
        return self.derived(2, self.challenges["host"][-1], self.challenges["device"][-1]).hex()

    def agree(self) -> None:
        host, device = self.challenges["host"][-1], self.challenges["device"][-1]
        self.keys = (self.derived(0, host, device), self.derived(1, host, device))
        self.number = 0

    def seal(self, packet: Packet, forged: bool) -> bytes:
        """The bytes of the world's packet."""
        assert self.keys is not None, "agree first"
        direction = DIRECTIONS[self.other]
        fields = {**packet, "kind": KINDS[packet["kind"]], "number": self.number}
        fields["flags"] |= SEALED
        self.number += 1
        key = bytes(16) if forged else self.keys[direction]
        data = oracle.seal(key, direction, pack_layout("header", fields), packet["payload"])
        self.sent[packet["kind"]] = data
        return data

    def open(self, data: bytes) -> Packet:
        """A packet of the side under test: under keys that its HELLOs allow, and a nonce that is new."""
        direction = DIRECTIONS[self.side]
        for host in reversed(self.challenges["host"]):
            for device in reversed(self.challenges["device"]):
                key = self.derived(direction, host, device)
                payload = oracle.open_sealed(key, direction, data)
                if payload is None:
                    continue
                number = int.from_bytes(data[12:HEADER_BYTES], "little")
                before = self.used.setdefault((key, number), data)
                assert before == data, f"number {number} was sent twice under one key"
                packet = decode_opened(data[:HEADER_BYTES], payload, self.other)
                return {**packet, "flags": packet["flags"] & ~SEALED, "sealed": True}
        raise AssertionError("what was sent opens under no key that was agreed")
