# What a device has to believe, written for reading after PROTOCOL.md, apart from the firmware.
import json
import struct
from binascii import crc32

from fuzz_mutate import shown
from ossicle import _wire

_LIMIT = 1 << 30
_SEALED_MAX = 200  # then those that are too old are forgotten
_OPENED_MAX = 68  # payload of a host's longest packet, a REQUEST: no other can be right
_IN_SESSION = {_wire.KIND_ACK: 8, _wire.KIND_PING: 8, _wire.KIND_SET: 8, _wire.KIND_STOP: 0}


class Fault(Exception):
    pass


# What a device sends or hears.
class Packet:
    def __init__(self, head, payload):
        self.kind, self.flags, self.session, self.sequence, self.ticks_us, self.number = struct.unpack(
            "<BBHIII", head
        )
        self.payload = payload

    # W-1, W-10.
    def is_whole(self):
        return max(self.sequence, self.ticks_us, self.number) < _LIMIT and not self.flags & 0xC0

    def u30(self, at):
        return struct.unpack_from("<I", self.payload, at)[0]


# A packet with a CRC (W-3, W-4), or None.
def parsed(data):
    if not 20 <= len(data) <= 1364 or crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
        return None
    packet = Packet(data[:16], data[16:-4])
    return packet if packet.is_whole() and not packet.flags & _wire.FLAG_SEALED else None


# W-25.
def ranges_are_right(payload, most):
    if len(payload) < 12 or len(payload) != 4 + 8 * payload[0] or payload[0] > most:
        return False
    before = -1
    for start, stop in pairs(payload):
        if not before < start < stop < _LIMIT:
            return False
        before = stop
    return True


def pairs(payload):
    return [struct.unpack_from("<II", payload, at) for at in range(4, len(payload), 8)]


# Of a host's packets, which ones count.
class Judge:
    # `keys`: whether the device has one.
    def __init__(self, session, keys):
        self._session = session
        self._keys = keys
        self.active = False  # keys are in force, or were until their numbers were used up
        self.coming = None  # of a START that puts new ones into force
        self._sealed = {}  # packets with the key in force, in the clear
        self._seen = []
        self._highest = -1
        self.kind = 0  # of the last packet that was looked into

    # A packet that only the holder of the key in force could make.
    def knows(self, data, packet):
        if len(self._sealed) > _SEALED_MAX:
            oldest = self._highest - _wire.REPLAY_WINDOW
            for each in [each for each in self._sealed if self._sealed[each].number <= oldest]:
                del self._sealed[each]
        self._sealed[data] = packet

    # Keys are no more; `active` says whether others come.
    def forget(self, active):
        self.active = active
        self._sealed = {}
        self._seen = []
        self._highest = -1

    def believes(self, data):
        if self._keys and len(data) > 1 and data[1] & _wire.FLAG_SEALED:
            if self.coming and data == self.coming[0]:
                packet = self.coming[1]
                self.coming = None
                self.forget(True)
            else:
                packet = self._sealed.get(data)
            return packet is not None and self._is_fresh(packet) and self._may_come(packet, True)
        packet = parsed(data)
        return packet is not None and self._may_come(packet, False)

    # W-47.
    def _is_fresh(self, packet):
        number = packet.number
        if packet.kind == _wire.KIND_HELLO or len(packet.payload) > _OPENED_MAX or not packet.is_whole():
            return False
        if number <= self._highest - _wire.REPLAY_WINDOW or number in self._seen:
            return False
        self._highest = max(self._highest, number)
        self._seen = [each for each in self._seen if each > self._highest - _wire.REPLAY_WINDOW] + [number]
        return True

    def _may_come(self, packet, sealed):
        kind, session, payload = packet.kind, packet.session, packet.payload
        self.kind = kind
        if kind == _wire.KIND_HELLO:
            return session == 0 and len(payload) > 1 and payload[:1] == b"{" and payload[-1:] == b"}"
        start = kind == _wire.KIND_START and session == 0 and len(payload) == _wire.START_SIZE
        start = start and max(packet.u30(0), packet.u30(8), packet.u30(28)) < _LIMIT
        if not sealed and not self._may_be_clear(start):
            return False
        if kind == _wire.KIND_START:
            return start
        if kind == _wire.KIND_SET and session == 0:
            return self._is_right(kind, payload)
        if self._session.state == 0 or session != self._session.builder.session:
            return False
        return self._is_right(kind, payload)

    # W-51.
    def _may_be_clear(self, start):
        if self.active and self._session.plain and start and not self._session.sending():
            self.forget(False)
        return self._session.plain and not self.active

    def _is_right(self, kind, payload):
        if kind == _wire.KIND_REQUEST:
            return ranges_are_right(payload, _wire.REQUEST_RANGES_MAX)
        if _IN_SESSION.get(kind) != len(payload):
            return False
        if kind == _wire.KIND_ACK:
            return max(struct.unpack("<II", payload)) < _LIMIT
        return kind != _wire.KIND_SET or struct.unpack_from("<I", payload, 4)[0] < _LIMIT


# -- what a device may send ----------------------------------------------------------------------

_SENT = {
    _wire.KIND_STARTED: _wire.STARTED_SIZE,
    _wire.KIND_PONG: _wire.PONG_SIZE,
    _wire.KIND_STATUS: _wire.STATUS_SIZE,
    _wire.KIND_SET_REPLY: _wire.SET_REPLY_SIZE,
}


# Everything about it that needs no stream.
def look_at(packet):
    kind, payload = packet.kind, packet.payload
    if kind == _wire.KIND_HELLO:
        right = packet.session == 0 and json.loads(payload)["ossicle"] == 1
    elif kind == _wire.KIND_AUDIO:
        right = packet.session != 0
    elif kind == _wire.KIND_GONE:
        right = ranges_are_right(payload, 255) and 1 <= payload[1] <= 2
    elif kind == _wire.KIND_LOG:
        right = 4 <= len(payload) <= 4 + _wire.LOG_MAX_BYTES
    elif kind == _wire.KIND_REFUSED:
        right = len(payload) >= _wire.REFUSED_SIZE and payload[4] > 0
    else:
        right = _SENT.get(kind) == len(payload)
    if not right or (kind != _wire.KIND_AUDIO and packet.flags & ~_wire.FLAG_SEALED):
        raise Fault("no host understands kind %d with %s" % (kind, shown(payload)))
