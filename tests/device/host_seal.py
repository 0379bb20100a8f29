# The host's side of sealing, of the firmware's own cipher: for tests on the device, where no
# other is. tests/conformance holds that cipher against the library and the RFC.
import json
import os
from binascii import hexlify, unhexlify

from ossicle import _wire
from ossicle.ccm import Ccm, workroom
from ossicle.seal import DEVICE, HOST, PROOF, derive


class HostSeal:
    def __init__(self, psk, name="t"):
        self.psk = psk
        self.name = name
        self.room = workroom()
        self.challenge = os.urandom(16)
        self.number = 0
        self.out = None
        self.into = None

    # The payload of a HELLO.
    def hello(self):
        said = {"ossicle": 1, "host": self.name, "challenge": hexlify(self.challenge).decode()}
        return json.dumps(said).encode()

    # The device's answer to it; False when its proof is wrong.
    def take(self, payload):
        said = json.loads(payload)
        theirs = unhexlify(said["challenge"])
        names = (self.name.encode(), said["device"].encode())
        made = [derive(self.psk, each, self.challenge, theirs, *names) for each in (HOST, DEVICE, PROOF)]
        if hexlify(made[PROOF]).decode() != said.get("proof"):
            return False
        self.out = Ccm(made[HOST], self.room)
        self.into = Ccm(made[DEVICE], self.room)
        self.number = 0
        return True

    # Seals a packet whose payload of n bytes is in the buffer; its length. Allocates nothing.
    def put(self, buf, kind, session, n):
        _wire.put_header(buf, kind, _wire.FLAG_SEALED, session, n, 0, self.number)
        self.number += 1
        self.out.nonce(HOST, buf, _wire.HEADER_AT_NUMBER)
        return self.out.seal(buf, _wire.HEADER_BYTES, n)

    def seal(self, kind, session, payload=b""):
        buf = bytearray(_wire.HEADER_BYTES) + payload + bytes(_wire.TAG_BYTES)
        self.put(buf, kind, session, len(payload))
        return bytes(buf)

    # The payload of a device's packet, None when it does not open.
    def open(self, data):
        buf = bytearray(data)
        n = len(data) - _wire.HEADER_BYTES - _wire.TAG_BYTES
        self.into.nonce(DEVICE, buf, _wire.HEADER_AT_NUMBER)
        if n < 0 or not self.into.open(buf, _wire.HEADER_BYTES, n):
            return None
        return bytes(buf[_wire.HEADER_BYTES : _wire.HEADER_BYTES + n])
