# A right host: it starts streams, asks, acknowledges, and looks at whatever the device sends.
# What it has been sent so far has to make sense to it at every moment.
import struct
from random import getrandbits

from fuzz_judge import Fault, Packet, look_at, pairs, parsed
from fuzz_mutate import checked, noise, shown
from host_seal import HostSeal
from ossicle import _wire

PERIOD = 1021  # of what the microphone hears: no power of two
HEARD = {}  # by channels: what a stream has from position 0 on, as int16
_WINDOW_MAX = 700
_AUDIO_FLAGS = _wire.FLAG_RESENT | _wire.FLAG_DISCONTINUITY | _wire.FLAG_LAST | _wire.FLAG_SEALED | 3


# No two positions of a period, nor channels, are the same, and no byte is 0.
def sample(i, channel):
    return bytes((1 + i % 251, 1 + i // 251 + 100 * channel))


for _n in (1, 2):
    HEARD[_n] = b"".join(
        [sample(i % PERIOD, c) for i in range(PERIOD + _WINDOW_MAX) for c in range(_n)]
    )


class Host:
    # `seal` is a HostSeal, or None.
    def __init__(self, way, judge, seal):
        self.way = way
        self._judge = judge
        self.seal = seal
        self.session = 0
        self.before = 0  # the session before
        self.stream = bytes(8)
        self.token = 0
        self.next = 0  # the new chunk that has to come
        self.heard = 0  # AUDIO that came, first time or again
        self._number = -1
        self.was_cut = False  # something was lost on the way, which may have been a STARTED
        self._hop = self._overlap = self._channels = self._codec = 0
        self._sound = False  # what it hears is what the microphone heard
        self._loud = []  # streams whose gain was another at some time
        self._stopped = False
        self._answers = {}  # the last payload of each kind

    # The device's packets that have come; raises Fault.
    def take(self):
        for data in self.way.take():
            if data is None:
                self.was_cut = True
                continue
            packet = self._opened_packet(data)
            look_at(packet)
            self._answers[packet.kind] = packet.payload
            if packet.kind == _wire.KIND_STARTED:
                self._started(packet)
            elif packet.session == self.session and packet.session:
                self._in_session(packet)
            elif packet.kind in (_wire.KIND_AUDIO, _wire.KIND_GONE, _wire.KIND_STATUS) and not self.was_cut:
                raise Fault("session %d is in force, not %d" % (self.session, packet.session))

    def _opened_packet(self, data):
        if len(data) > 1 and data[1] & _wire.FLAG_SEALED and self.seal is not None and self.seal.into:
            payload = self.seal.open(data)
            packet = None if payload is None else Packet(data[:16], payload)
            sealed = True
        else:
            packet = parsed(data)
            sealed = False
        if packet is None or not packet.is_whole():
            raise Fault("no packet goes out: %s" % shown(data))
        if self.sealing and not sealed and packet.kind not in (_wire.KIND_HELLO, _wire.KIND_REFUSED):
            raise Fault("kind %d goes out in the clear" % packet.kind)
        if sealed or packet.session:
            if packet.number <= self._number and (sealed or packet.session == self.session):
                raise Fault("number %d after %d" % (packet.number, self._number))
            self._number = packet.number
        return packet

    # A stream's gain is another than the checks know.
    def is_loud(self, stream):
        if stream not in self._loud:
            self._loud = self._loud[-3:] + [stream]

    # Keys are in force.
    sealing = False

    def _started(self, packet):
        payload = packet.payload
        stream = bytes(payload[4:12])
        rate, self._hop, self._overlap = struct.unpack_from("<IHH", payload, 12)
        mode, self._codec, self._channels = payload[20], payload[21], payload[22]
        gain, _, ring, oldest, following = struct.unpack_from("<HHIII", payload, 24)
        if not packet.session or mode > 1 or not oldest <= following <= oldest + ring // self._hop + 1:
            raise Fault("it says it has started: %s" % shown(payload))
        fresh = stream != self.stream
        if packet.session != self.session:
            self.before = self.session
        if fresh:
            self._stopped = False
        self._sound = gain == 256 and (fresh or self._sound)
        self.session = packet.session
        self.stream = stream
        self.token = struct.unpack_from("<I", payload)[0] or self.token
        if fresh or not self._stopped:
            self.next = following
        self.was_cut = False

    def _in_session(self, packet):
        kind = packet.kind
        if kind == _wire.KIND_AUDIO:
            self.heard += 1
            self._audio(packet)
        elif kind == _wire.KIND_GONE:
            for start, stop in pairs(packet.payload):
                if start <= self.next < stop:
                    self.next = stop

    def _audio(self, packet):
        frames = self._frames(packet)
        flags = packet.flags
        if flags & ~_AUDIO_FLAGS or frames > self._hop + self._overlap:
            raise Fault("flags %d and %d frames" % (flags, frames))
        if frames < self._hop + self._overlap and not flags & (_wire.FLAG_DISCONTINUITY | _wire.FLAG_LAST):
            raise Fault("%d frames in a window of %d and %d" % (frames, self._hop, self._overlap))
        if not flags & _wire.FLAG_RESENT:
            if packet.sequence != self.next and not self.was_cut:
                raise Fault("chunk %d, and %d has to come" % (packet.sequence, self.next))
            self.next = packet.sequence + 1
            self.was_cut = False
            if self._stopped:
                raise Fault("a new chunk behind the last")
            self._stopped = flags & _wire.FLAG_LAST
        elif flags & _wire.FLAG_LAST and packet.sequence == self.next:  # the first time was lost
            self.next = packet.sequence + 1
            self._stopped = True
        elif packet.sequence >= self.next and not self.was_cut:
            raise Fault("chunk %d comes again, and %d is new" % (packet.sequence, self.next))
        if self._sound and self.stream not in self._loud and self._codec == _wire.CODEC_PCM16:
            channels = self._channels
            at = packet.sequence * self._hop % PERIOD * 2 * channels
            if packet.payload != HEARD[channels][at : at + 2 * channels * frames]:
                raise Fault("chunk %d is wrong" % packet.sequence)

    # W-24, W-42.
    def _frames(self, packet):
        payload, channels = packet.payload, self._channels
        if packet.flags & 3 != self._codec:
            raise Fault("codec %d, not %d" % (packet.flags & 3, self._codec))
        if self._codec == _wire.CODEC_PCM16 or not payload:
            frames, rest = divmod(len(payload), 2 * channels)
        else:
            heads = [payload[4 * c : 4 * c + 4] for c in range(channels)]
            padding = heads[0][3]
            if padding > 1 or max([head[2] for head in heads]) > 88 or len(payload) <= 4 * channels:
                raise Fault("no adpcm: %s" % shown(payload))
            frames, rest = divmod(2 * (len(payload) - 4 * channels) - padding, channels)
        if rest:
            raise Fault("%d bytes are no frames" % len(payload))
        return frames

    # -- what it says -------------------------------------------------------------------------

    # A packet that counts, whoever looks at it.
    def packet(self, kind, payload=b"", session=None):
        session = self.session if session is None else session
        if self.sealing:
            return self.sealed(kind, session, payload)
        return checked(struct.pack("<BBHIII", kind, 0, session, len(payload), 0, 0) + payload)

    def sealed(self, kind, session, payload):
        head = struct.pack("<BBHIII", kind, _wire.FLAG_SEALED, session, len(payload), 0, self.seal.number)
        data = self.seal.seal(kind, session, payload)
        self._judge.knows(data, Packet(head, payload))
        return data

    def start(self, token, channels=1, codec=0, hop=64, gain=256, mode=0):
        return struct.pack(
            "<IBBBBIHHHH8sI", token, mode, codec, channels, 0, 16000, hop, 0, gain, 0, bytes(8), 0
        )

    # Of a kind that has come since this was last asked; its payload.
    def answer(self, kind):
        return self._answers.pop(kind, None)

    def ack(self):
        return self.packet(_wire.KIND_ACK, struct.pack("<II", max(0, self.next - getrandbits(3)), self.next))

    def ping(self):
        said = noise(8)
        return self.packet(_wire.KIND_PING, said), said

    # A new handshake's HELLO. The keys in force stay until its answer is taken.
    def greet(self):
        self._coming = HostSeal(self.seal.psk, "fuzz")
        payload = self._coming.hello()
        return checked(struct.pack("<BBHIII", _wire.KIND_HELLO, 0, 0, len(payload), 0, 0) + payload)

    # A START under the keys that the device's HELLO makes, and what it is in the clear.
    def started_anew(self, hello, token):
        coming = self._coming
        if not coming.take(hello):
            raise Fault("the proof is wrong")
        payload = self.start(token)
        coming.number = number = getrandbits(4)
        sealed = coming.seal(_wire.KIND_START, 0, payload)
        head = struct.pack("<BBHIII", _wire.KIND_START, _wire.FLAG_SEALED, 0, len(payload), 0, number)
        return sealed, Packet(head, payload)

    # They are in force.
    def rekeyed(self):
        self.seal = self._coming
        self.sealing = True
        self._number = -1

    # They are no more.
    def unsealed(self):
        self.sealing = False
        self._number = -1

    # Forgets what it was told, so that heaps can be compared.
    def refresh(self):
        self._answers = {}
        self._loud = []
        self._coming = None
