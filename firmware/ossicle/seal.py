# Sealed packets on the device's side (W-45 to W-52): which keys there are, which are in force,
# and what may still come under them.
#
# A key is made from the pre-shared one and both sides' challenges. Those that the last HELLO
# asked for are pending: made when a packet comes that may be theirs, in force once one opens.
# Then the device's challenge is drawn anew. So no key comes into force twice, and `number`,
# which starts at 0 with each, makes no nonce twice.
#
# HELLO allocates, and so does the first packet under new keys; no other packet does.
import json
import os
from binascii import hexlify, unhexlify
from hashlib import sha256

from micropython import const

from ossicle._wire import (
    CHALLENGE_BYTES,
    FLAG_RESERVED_MASK,
    FLAG_SEALED,
    HEADER_AT_FLAGS,
    HEADER_AT_NUMBER,
    HEADER_AT_SEQUENCE,
    HEADER_AT_SESSION,
    HEADER_AT_TICKS_US,
    HEADER_BYTES,
    KIND_HELLO,
    RANGE_SIZE,
    REPLAY_WINDOW,
    REQUEST_RANGES_MAX,
    REQUEST_SIZE,
    SESSION_RENEW_NUMBER,
    TAG_BYTES,
    put_header,
    u16,
    u30,
)
from ossicle.ccm import Ccm, workroom
from ossicle.rare import passing, rare

# What a key is for; the first two are the directions of the nonce.
HOST = const(0)
DEVICE = const(1)
PROOF = const(2)

_KEY_BYTES = const(16)
_NAME_MAX_BYTES = const(255)
_HOST_MAX_BYTES = HEADER_BYTES + REQUEST_SIZE + REQUEST_RANGES_MAX * RANGE_SIZE + TAG_BYTES  # a REQUEST


# RFC 2104 with SHA-256, of which stock builds have no `hmac`.
def hmac(key, message):
    if len(key) > 64:
        key = sha256(key).digest()
    key = key + bytes(64 - len(key))
    inner = sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


# W-46. Challenges and names are bytes.
def derive(psk, purpose, host_challenge, device_challenge, host, device):
    message = b"ossicle" + bytes((purpose,)) + host_challenge + device_challenge
    message += bytes((len(host),)) + host + bytes((len(device),)) + device
    return hmac(psk, message)[:_KEY_BYTES]


class Seal:
    # `psk` is the pre-shared key, `device` the id that HELLO tells.
    @passing
    def __init__(self, psk, device):
        self._psk = psk
        self._device = device.encode()
        self._room = workroom()
        # The numbers that have come under the key: the highest, and which of the window.
        self.highest = -1
        self._seen = bytearray(REPLAY_WINDOW // 8)
        # Nothing but HELLO goes out, or is believed, that is not sealed. Stays when keys end.
        self.active = False
        self.number = 0  # of the next packet under the keys in force
        self._in = None  # keys in force, one for each direction
        self._out = None
        self._pending = None  # the host's, once it was made
        # The handshake: our challenge, and the host's with its name (None: no host has said).
        self._challenge = os.urandom(CHALLENGE_BYTES)
        self._guest = None

    # -- HELLO -------------------------------------------------------------------------

    # The n bytes at `at` are the JSON of a host's HELLO. One that has no challenge, or is no
    # JSON, leaves what there is.
    @rare("key")
    def heard_hello(self, buf, at, n):
        try:
            said = json.loads(bytes(memoryview(buf)[at : at + n]))
            challenge = unhexlify(said["challenge"])
            name = said["host"].encode()
        except (ValueError, TypeError, KeyError, AttributeError, MemoryError, RuntimeError):
            return
        if len(challenge) != CHALLENGE_BYTES or len(name) > _NAME_MAX_BYTES:
            return
        if (challenge, name) != self._guest:
            self._guest = challenge, name
            self._pending = None

    # What HELLO says of it, into the dict: challenge, and the proof for the host that asked.
    @rare("key")
    def prove(self, fields):
        fields["challenge"] = hexlify(self._challenge).decode()
        if self._guest is not None:
            fields["proof"] = hexlify(self._derive(PROOF)).decode()

    @rare("key")
    def _derive(self, purpose):
        challenge, host = self._guest
        return derive(self._psk, purpose, challenge, self._challenge, host, self._device)

    # -- packets -----------------------------------------------------------------------

    # The payload's length when the n bytes are a host's packet that opens, else -1. It lies in
    # its place in the clear then.
    def open(self, buf, n):
        n -= HEADER_BYTES + TAG_BYTES
        if n < 0 or n > _HOST_MAX_BYTES - HEADER_BYTES - TAG_BYTES or buf[0] == KIND_HELLO:
            return -1
        number = u30(buf, HEADER_AT_NUMBER)
        if buf[HEADER_AT_FLAGS] & FLAG_RESERVED_MASK or number < 0:
            return -1
        if u30(buf, HEADER_AT_SEQUENCE) < 0 or u30(buf, HEADER_AT_TICKS_US) < 0:
            return -1
        pending = self._guest is not None and u16(buf, HEADER_AT_SESSION) == 0
        opens = False
        if self._in is not None and self.fresh(number):
            opens = self._opens(self._in, buf, n)
            if pending and not opens:
                self._in.stream(buf, HEADER_BYTES, n, False)
        if pending and not opens:
            try:
                opens = self._opens_anew(buf, n)
            except MemoryError:  # anybody can bring it so far; the stream in force goes on
                return -1
        if not opens:
            return -1
        self.take(number)
        return n

    # A number that has not come under this key, and is not older than the window.
    def fresh(self, number):
        behind = self.highest - number
        at = number % REPLAY_WINDOW
        return behind < 0 or (behind < REPLAY_WINDOW and not self._seen[at >> 3] >> (at & 7) & 1)

    def take(self, number):
        highest = max(self.highest, number - REPLAY_WINDOW)
        while highest < number:
            highest += 1
            self._seen[highest % REPLAY_WINDOW >> 3] &= ~(1 << (highest & 7))
        self.highest = highest
        self._seen[number % REPLAY_WINDOW >> 3] |= 1 << (number & 7)

    def _opens(self, key, buf, n):
        key.nonce(HOST, buf, HEADER_AT_NUMBER)
        return key.open(buf, HEADER_BYTES, n)

    # The first packet that opens under the pending keys puts them into force (W-49).
    def _opens_anew(self, buf, n):
        if self._pending is None:
            self._expect()
        if not self._opens(self._pending, buf, n):
            return False
        self._agree()
        return True

    @rare("key")
    def _expect(self):
        self._pending = Ccm(self._derive(HOST), self._room)

    @rare("key")
    def _agree(self):
        out = Ccm(self._derive(DEVICE), self._room)
        self._in = self._pending
        self._out = out
        self.highest = -1
        self.number = 0
        self.active = True
        self._challenge = os.urandom(CHALLENGE_BYTES)
        self._guest = self._pending = None

    # Header and tag around the n bytes of payload in the buffer; the length, or 0 where there is
    # no key to seal with.
    def finish(self, buf, kind, flags, session, sequence, ticks_us, n):
        key = self._out
        if key is None:
            return 0
        put_header(buf, kind, flags | FLAG_SEALED, session, sequence, ticks_us, self.number)
        self.number += 1
        key.nonce(DEVICE, buf, HEADER_AT_NUMBER)
        return key.seal(buf, HEADER_BYTES, n)

    # -- ends --------------------------------------------------------------------------

    # The numbers are used up: True once, when the keys have been forgotten for it (W-50).
    def spent(self):
        if self.number < SESSION_RENEW_NUMBER or self._out is None:
            return False
        self._in = self._out = None
        return True

    # A host that does not seal has the device.
    @rare("key")
    def part(self):
        self.active = False
        self._in = self._out = None
