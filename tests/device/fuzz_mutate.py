# Bytes that are nearly right, out of a seed: packets that a host may send, hurt in one place or
# several. Everything is drawn from `random`, whose generator is seeded once: the same seed
# makes the same run.
import json
import struct
from binascii import crc32, hexlify
from random import getrandbits, randrange

from ossicle import _wire

_BYTES_MAX = 1600  # longer than whatever a link takes
_VECTOR_SESSION = b"\x17\x5a"
_NUMBERS = (0, 1, 63, 64, 255, 256, 9600, 115200, 2000000, 0xFFFF, (1 << 30) - 1, 1 << 30, 0xFFFFFFFF)
_RATES = (8000, 16000, 16000, 44100, 48000, 11025)
_HOPS = (64, 64, 100, 256, 512, 672, 63)
_OVERLAPS = (0, 0, 16, 64, 600)


def noise(n):
    return bytes([getrandbits(8) for _ in range(n)])


def one_of(things):
    return things[randrange(len(things))]


# For a report.
def shown(data):
    text = hexlify(data).decode()
    return text if len(data) <= 200 else "%s... (%d bytes)" % (text[:200], len(data))


def checked(body):
    return bytes(body) + struct.pack("<I", crc32(body))


# -- ways to hurt a bytearray ------------------------------------------------------------------


def _flip(data):
    for _ in range(1 + randrange(4)):
        data[randrange(len(data))] ^= 1 << getrandbits(3)
    return data


def _cut(data):
    return data[: randrange(len(data))]


def _lose(data):
    at = randrange(len(data))
    return data[:at] + data[at + 1 + randrange(8) :]


def _double(data):
    at = randrange(len(data))
    return data[: at + 1 + randrange(40)] + data[at:]


def _insert(data):
    at = randrange(len(data))
    return data[:at] + noise(1 + randrange(8)) + data[at:]


def _put(data):
    at = randrange(len(data)) & ~3
    data[at : at + 4] = struct.pack("<I", one_of(_NUMBERS))
    return data


def _lengthen(data):
    return data + noise(1 + randrange(12)) if getrandbits(3) else data + bytes(randrange(_BYTES_MAX))


def _byte(data):
    data[randrange(len(data))] = getrandbits(8)
    return data


_HOW = (_flip, _flip, _byte, _byte, _put, _put, _cut, _lose, _double, _insert, _lengthen)


def hurt(data):
    data = bytearray(data)
    for _ in range(1 + randrange(3)):
        if not data:
            break
        data = one_of(_HOW)(data)
    return bytes(data[:_BYTES_MAX])


# -- packets -----------------------------------------------------------------------------------


# `corpus`: packets of the vectors, valid ones and others, with their checks.
class Mutator:
    def __init__(self, corpus, host):
        self._bodies = [data[:-4] for data in corpus if len(data) >= 20]
        self._host = host

    # Header and payload, without a check.
    def body(self):
        how = getrandbits(4)
        if how < 6:
            body = self._made()
            return hurt(body) if how < 2 else body
        body = self._here(one_of(self._bodies))
        if how == 6:
            other = self._here(one_of(self._bodies))
            return body[: randrange(len(body))] + other[randrange(len(other)) :]
        return hurt(body) if how < 15 else body

    # A packet of the vectors' session as one of this.
    def _here(self, body):
        if body[2:4] != _VECTOR_SESSION:
            return body
        return body[:2] + struct.pack("<H", self._host.session) + body[4:]

    # What a host of this stream might say, sensible or not.
    def _made(self):
        kind = one_of(_MADE)
        payload = getattr(self, "_" + kind[0])()
        session = self._host.session if kind[2] else 0
        if not getrandbits(5):
            session = getrandbits(16)
        elif not getrandbits(5):
            session = self._host.before
        return struct.pack("<BBHIII", kind[1], 0, session, len(payload), 0, getrandbits(10)) + payload

    # A sequence near the one that comes next, or anywhere.
    def _near(self):
        if not getrandbits(4):
            return one_of(_NUMBERS)
        return max(0, self._host.next + randrange(-120, 10))

    def _ack(self):
        return struct.pack("<II", self._near(), self._near())

    def _ping(self):
        return noise(8)

    def _stop(self):
        return b""

    def _request(self):
        ranges = 1 + randrange(9)
        at = self._near()
        payload = struct.pack("<BBH", ranges if getrandbits(4) else getrandbits(4), 0, 0)
        for _ in range(ranges):
            stop = at + randrange(12)
            payload += struct.pack("<II", at & 0xFFFFFFFF, stop & 0xFFFFFFFF)
            at = stop + randrange(6)
        return payload

    def _set(self):
        key = one_of((1, 2, 2, 3))
        value = one_of(_NUMBERS) if getrandbits(1) else randrange(5000)
        return struct.pack("<HHI", getrandbits(16), key, value)

    def _start(self):
        stream = self._host.stream if getrandbits(1) else noise(8)
        token = self._host.token if not getrandbits(2) else getrandbits(30)
        return struct.pack(
            "<IBBBBIHHHH8sI", token, getrandbits(1), getrandbits(1), 1 + getrandbits(1), getrandbits(1),
            one_of(_RATES), one_of(_HOPS), one_of(_OVERLAPS), one_of((256, 256, 300, 5000)), 0, stream,
            self._near(),
        )  # fmt: skip

    def _hello(self):
        said = {"ossicle": one_of((1, 2, None)), "host": "h" * getrandbits(3)}
        if getrandbits(1):
            said["challenge"] = hexlify(noise(one_of((16, 16, 15, 0)))).decode()
        if not getrandbits(2):
            said["challenge"] = one_of((None, 5, [], "x", "é" * 16, {}))
        return json.dumps(said).encode()


# Name, kind, and whether it is of a session; as often as it should come.
_MADE = (
    (("ack", _wire.KIND_ACK, 1),) * 8
    + (("request", _wire.KIND_REQUEST, 1),) * 10
    + (("ping", _wire.KIND_PING, 1),) * 4
    + (("set", _wire.KIND_SET, 1),) * 3
    + (("set", _wire.KIND_SET, 0),) * 2
    + (("hello", _wire.KIND_HELLO, 0),) * 3
    + (("start", _wire.KIND_START, 0),)
    + (("stop", _wire.KIND_STOP, 1),)
)
