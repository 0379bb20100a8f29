"""Sealed packets on the host's side (W-45 to W-52): AES-128-CCM with keys that each handshake makes anew.

Three things keep a nonce from coming twice under one key. A key is made of both sides' random challenges;
it is made once for each challenge of ours, of the first HELLO with a proof; and `number` only rises.

Nothing here prints a key: `Keys` has no repr of its fields, and no error carries one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from ossicle.errors import PacketError

from . import _wire as wire
from ._wire import DEVICE_KINDS, Kind
from .packets import Packet, believed, decode, header

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

WAIT = "wait"
"""No answer to our HELLO yet, or none that says that there will be no right one."""

HOST, DEVICE, PROOF = range(3)
"""What is derived from a pre-shared key; the first two are the directions of the nonce, too."""

_SEALED = int(wire.Flag.SEALED)
_HELLO = int(Kind.HELLO)
_SEALED_MIN_BYTES = wire.HEADER_BYTES + wire.TAG_BYTES
_AT_NUMBER = 12
_NAME_MAX_BYTES = 255
_DERIVED_BYTES = 16
_UNPROVED_S = wire.UNPROVED_MS / 1000
_WINDOW_MASK = (1 << wire.REPLAY_WINDOW) - 1

KeyOf = Callable[[str], bytes | None]
"""The pre-shared key of a device by its id, None where there is none."""


def derive(psk: bytes, purpose: int, challenges: tuple[bytes, bytes], names: tuple[str, str]) -> bytes:
    """16 bytes for a purpose; challenges and names are the host's first (W-46)."""
    message = b"ossicle" + bytes([purpose]) + challenges[0] + challenges[1]
    for name in names:
        data = name.encode()
        if len(data) > _NAME_MAX_BYTES:
            raise ValueError(f"a name of {len(data)} bytes; at most {_NAME_MAX_BYTES}")
        message += bytes([len(data)]) + data
    return hmac.new(psk, message, hashlib.sha256).digest()[:_DERIVED_BYTES]


def nonce(direction: int, number: bytes) -> bytes:
    """The 13 bytes of W-45; `number` as it lies in the header."""
    return bytes([direction]) + bytes(8) + number


def cipher(key: bytes) -> AESCCM:
    """AES-CCM as on the wire: a tag of 8 bytes."""
    # Imported by those who seal only: it loads OpenSSL.
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    return AESCCM(key, tag_length=wire.TAG_BYTES)


class Keys:
    """The keys of one handshake, what was sent under them, and what has come."""

    __slots__ = ("_in", "_out", "_seen", "_top", "number")

    def __init__(self, out: bytes, into: bytes) -> None:
        self._out = cipher(out)
        self._in = cipher(into)
        self.number = 0  # of the next packet out
        self._top = -1  # the highest number that has come
        self._seen = 0  # bit i: top - i has come

    def seal(self, packet: Packet) -> bytes:
        """The bytes of a packet; its number is the next one."""
        packet = packet._replace(flags=packet.flags | _SEALED, number=self.number)
        head = header(packet)
        self.number += 1
        return head + self._out.encrypt(nonce(HOST, head[_AT_NUMBER:]), packet.payload, head)

    def open(self, data: bytes) -> Packet:
        """A device's packet. Raises PacketError for one that does not open, or was there."""
        number = int.from_bytes(data[_AT_NUMBER : wire.HEADER_BYTES], "little")
        if number <= self._top - wire.REPLAY_WINDOW or (
            number <= self._top and self._seen >> (self._top - number) & 1
        ):
            raise PacketError("replay", f"packet {number} was there, or is older than the window")
        head = data[: wire.HEADER_BYTES]
        try:
            payload = self._in.decrypt(nonce(DEVICE, head[_AT_NUMBER:]), data[wire.HEADER_BYTES :], head)
        except _invalid_tag():
            raise PacketError("tag", "the tag is wrong") from None
        if number > self._top:
            self._seen = (self._seen << min(number - self._top, wire.REPLAY_WINDOW) | 1) & _WINDOW_MASK
            self._top = number
        else:
            self._seen |= 1 << (self._top - number)
        return believed(data, payload, DEVICE_KINDS)


class Seal:
    """One receiver's dealings with keys: the challenge of the handshake, and the keys in force.

    `key_of` gives pre-shared keys, `name` is the host's identity, `rng` makes challenges.
    """

    def __init__(self, key_of: KeyOf, name: str, rng: Random) -> None:
        if len(name.encode()) > _NAME_MAX_BYTES:
            raise ValueError(f"a host's name has at most {_NAME_MAX_BYTES} bytes")
        self.challenge = b""
        self._key_of = key_of
        self._name = name
        self._rng = rng
        self._answered = True
        self._wrong_since: float | None = None  # when HELLO first said why there can be no keys
        self._keys: Keys | None = None

    def __repr__(self) -> str:
        return f"Seal({'keys in force' if self._keys else 'no keys'})"

    # The handshake

    def begin(self) -> None:
        """HELLO will be said: with another challenge than ever before. Keys in force stay so."""
        self.challenge = self._rng.randbytes(wire.CHALLENGE_BYTES)
        self._answered = False
        self._wrong_since = None

    def answer(self, fields: dict[str, Any], now: float) -> str:
        """Make keys of a device's HELLO; "" when they were made.

        Else WAIT, or `KeyMissingError.why` when that has been so for `unproved_ms`: anyone may say HELLO.
        """
        if self._answered:
            return WAIT
        why = self._judge(fields)
        if why in ("", WAIT):
            return why
        if self._wrong_since is None:
            self._wrong_since = now
        return why if now - self._wrong_since >= _UNPROVED_S else WAIT

    def _judge(self, fields: dict[str, Any]) -> str:
        device, challenge, proof = (fields.get(key) for key in ("device", "challenge", "proof"))
        if not isinstance(device, str) or len(device.encode(errors="replace")) > _NAME_MAX_BYTES:
            return WAIT
        theirs = _bytes(challenge, wire.CHALLENGE_BYTES)
        if theirs is None:
            return "device"
        psk = self._key_of(device)
        if psk is None:
            return "host"
        given = _bytes(proof, _DERIVED_BYTES)
        if given is None:
            return WAIT
        try:
            made = [
                derive(psk, purpose, (self.challenge, theirs), (self._name, device))
                for purpose in (HOST, DEVICE, PROOF)
            ]
        except UnicodeEncodeError:  # JSON can carry halves of characters
            return WAIT
        if not hmac.compare_digest(made[PROOF], given):
            return "wrong"
        self._answered = True
        self._keys = Keys(made[HOST], made[DEVICE])
        return ""

    # Packets

    @property
    def keys(self) -> Keys | None:
        """Those in force."""
        return self._keys

    @property
    def spent(self) -> bool:
        """The numbers under the keys in force are used up (W-50)."""
        return self._keys is not None and self._keys.number >= wire.SESSION_RENEW_NUMBER

    def seal(self, packet: Packet) -> bytes | None:
        """The bytes of a packet; None where there are no keys, or their numbers are used up to the last."""
        if self._keys is None or self._keys.number >= wire.NUMBER_LIMIT:
            return None
        return self._keys.seal(packet)

    def open(self, data: bytes) -> Packet:
        """A device's packet: one that opens, or a HELLO. Raises PacketError for all else (W-47)."""
        size = len(data)
        if size < 2 or not data[1] & _SEALED:
            if size and data[0] != _HELLO:
                raise PacketError("unsealed", "a packet that is not sealed")
            return decode(data, DEVICE_KINDS)
        if not _SEALED_MIN_BYTES <= size <= wire.PACKET_MAX_BYTES:
            raise PacketError("length", f"a sealed packet of {size} bytes")
        if data[0] == _HELLO:
            raise PacketError("sealed", "a HELLO is never sealed")
        if self._keys is None:
            raise PacketError("sealed", "a sealed packet, and no key to open it")
        return self._keys.open(data)


def _bytes(text: object, size: int) -> bytes | None:
    try:
        data = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return None
    return data if len(data) == size else None


def _invalid_tag() -> type[Exception]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag
