# Codec adpcm on the device: the kernel against a plain twin, and whole streams of it on a
# fake board. Prints "ok NAME" for each.
import random
import struct
import sys
from array import array

import ima
from fakes import Board, Host
from ossicle import _wire, coder
from ossicle.app import App

CUT = _wire.FLAG_DISCONTINUITY
LAST = _wire.FLAG_LAST


def loud(n):
    return random.getrandbits(16) - 32768 if n % 7 else random.choice((-32768, 32767))


# Values that make the predictor clamp, and the index run to both ends.
def values(n, channels):
    calm = random.getrandbits(1)
    return [tuple(random.randint(-3, 3) if calm else loud(i) for _ in range(channels)) for i in range(n)]


def case_adpcm_kernel():
    for turn in range(60):
        channels = 1 + turn % 2
        capacity = random.randint(1, 150)
        slots = random.randint(1, 9)
        hop = random.randint(1, 40)
        store = array("h", (0 for _ in range(capacity * channels)))
        table = bytearray(4 * channels * (slots + 1))
        args = array("i", (0 for _ in range(coder.A_SIZE)))
        args[coder.A_CHANNELS], args[coder.A_CAPACITY] = channels, capacity
        args[coder.A_HOP], args[coder.A_SLOTS] = hop, slots
        args[coder.A_STATE] = 4 * channels * slots
        twin = ima.Ima(channels)
        wanted = {}
        at = 0
        for _ in range(6):
            n = random.randint(0, capacity)
            new = values(n, channels)
            for i in range(n):
                for c in range(channels):
                    store[(at + i) % capacity * channels + c] = new[i][c]
            args[coder.A_FIRST], args[coder.A_FRAMES] = at % capacity, n
            args[coder.A_BEFORE] = -at % hop
            args[coder.A_SLOT] = (at + hop - 1) // hop % slots
            assert coder.adpcm(store, table, args, coder.STEPS) == n
            twin.take(new)
            at += n
            for place in range(max(0, at - n), at):
                if place % hop == 0:
                    wanted[place // hop % slots] = twin.before[place]
        wanted[slots] = twin.states
        for slot, states in wanted.items():
            for c in range(channels):
                found = struct.unpack_from("<hBB", table, 4 * (slot * channels + c))
                assert found == states[c] + (0,), (turn, slot, c, found, states[c])


# One frame from every step, where the predictor comes to the very ends, and one beyond.
def case_adpcm_edges():
    table = bytearray(8)
    store = array("h", (0,))
    args = array("i", (0 for _ in range(coder.A_SIZE)))
    args[coder.A_CHANNELS] = args[coder.A_CAPACITY] = args[coder.A_FRAMES] = 1
    args[coder.A_HOP] = args[coder.A_SLOTS] = args[coder.A_BEFORE] = 1
    args[coder.A_STATE] = 4
    hits = set()
    for k in range(89):
        for nibble in range(16):
            change = ima.after((0, k), nibble)[0]
            for end in (32766, 32767, 32768, -32767, -32768, -32769):
                predictor = end - change
                if not -32768 <= predictor <= 32767:
                    continue
                for value in (32767, -32768, end - (end > 32767) + (end < -32768)):
                    struct.pack_into("<hBB", table, 4, predictor, k, 0)
                    store[0] = value
                    coder.adpcm(store, table, args, coder.STEPS)
                    made = ima.nibble_of((predictor, k), value)
                    wanted = ima.after((predictor, k), made)
                    assert struct.unpack_from("<hB", table, 4) == wanted, (predictor, k, value)
                    if made == nibble:
                        hits.add(end)
    assert len(hits) == 6, hits


# A board that hears noise, the coder that its stream is to be, and what came of it.
class Rig:
    def __init__(self, channels=1, hop=64, overlap=0, samples=3000):
        self.board = Board(samples=samples)
        self.app = App(self.board)
        self.host = Host(self.app, self.board)
        self.hop, self.overlap, self.channels = hop, overlap, channels
        self.twin = ima.Ima(channels)
        self.frame = {}  # position: number of the frame that was captured there
        self.got = {}  # sequence: (flags, frames)
        self.told = set()  # gone
        self.stream(1)

    def stream(self, token):
        said = self.host.start(
            token=token, codec=1, hop=self.hop, overlap=self.overlap, channels=self.channels
        )
        assert said.kind == _wire.KIND_STARTED, said.payload
        assert said.payload[_wire.STARTED_AT_CODEC] == _wire.CODEC_ADPCM

    def deliver(self, frames=256, stall_ms=0, last=False):
        mic = self.board.mic
        new = values(frames, self.channels)
        self.board.clock.pass_ms(16 + stall_ms)
        position = self.app.ring.written
        number = len(self.twin.decoded)
        for i in range(frames):
            self.frame[position + i] = number + i
        assert self.app.capture._stale == 0  # else the device throws them away
        self.twin.take(new)
        mic.next = 0
        slots = [v << 16 for frame in new for v in frame]
        deliver(mic, slots, frames, last)
        self.app.capture.watch()

    def run(self, steps=60):
        self.host.steps(steps)
        for p in self.host.take():
            if p.kind == _wire.KIND_AUDIO:
                self.take(p)
            elif p.kind == _wire.KIND_GONE:
                self.told.update(range(p.u30(4), p.u30(8)))

    # Each chunk decodes alone to what the running coder has made of its frames.
    def take(self, p):
        assert p.flags & _wire.FLAG_RESERVED_MASK == 0 and p.flags & 3 == _wire.CODEC_ADPCM
        frames = ima.decode(p.payload, self.channels)
        start = p.sequence * self.hop
        wanted = [self.twin.decoded[self.frame[start + i]] for i in range(len(frames))]
        assert frames == wanted, (p.sequence, len(frames))
        if not p.flags & (CUT | LAST):
            assert len(frames) == self.hop + self.overlap
        self.got[p.sequence] = (p.flags, len(frames))


def deliver(mic, slots, frames, last):
    buf = mic.out.pop(0)
    struct.pack_into("<%di" % len(slots), buf, 0, *slots)
    mic.frames = frames
    mic.ended = last
    mic.handler(None)


WINDOWS = (
    (1, 64, 0),
    (1, 64, 64),
    (1, 97, 30),
    (1, 512, 0),
    (1, 1000, 335),
    (2, 64, 0),
    (2, 65, 64),
    (2, 250, 83),
)


def case_windows():
    for channels, hop, overlap in WINDOWS:
        rig = Rig(channels, hop, overlap, samples=4000)
        frames = 0
        for i in range(12):
            n = 256 if i < 11 else random.randint(1, 255)
            frames += n
            rig.deliver(n, last=i == 11)
            rig.run(150)
        last = max(rig.got)
        assert sorted(rig.got) == list(range(last + 1)), (hop, overlap)
        assert rig.got[last][0] & LAST and last * hop + rig.got[last][1] == frames


def case_longest_windows():
    for channels, window in ((1, 2680), (2, 1336)):
        rig = Rig(channels, window - 100, 100, samples=12000)
        for _ in range(15):
            rig.deliver()
            rig.run()
        assert rig.got[0] == (_wire.CODEC_ADPCM, window)


# From any place of the ring, in any order, again and again, also while audio goes on.
def case_resends():
    for channels, hop, overlap in ((1, 64, 0), (1, 97, 37), (2, 67, 11)):
        rig = Rig(channels, hop, overlap, samples=3000 * channels)
        for turn in range(40):
            rig.deliver()
            rig.run(40)
            oldest, newest = rig.app.ring.oldest(), rig.app.ring.sequence
            asked = random.randint(oldest, newest - 1) if turn % 2 else oldest
            rig.got.clear()
            rig.host.request((asked, newest))
            rig.run(250)
            assert set(range(asked, newest)) <= set(rig.got) | rig.told, (oldest, asked, newest)
        assert rig.app.session.bad_packets() == 0


# The coder passes over what was lost before the ring; nine holes, of odd lengths.
def case_holes():
    rig = Rig(1, 101, 30, samples=6000)
    for i in range(60):
        rig.deliver(stall_ms=400 if i % 7 == 3 else 0)
        rig.run()
        if i % 7 == 5:
            newest = rig.app.ring.sequence
            rig.host.request((max(0, newest - 40), newest))
            rig.run(200)
    assert rig.app.ring.holes > 8
    assert any(flags & CUT for flags, _ in rig.got.values())
    assert any(flags & CUT and frames & 1 for flags, frames in rig.got.values())


# A second stream begins with predictor and index 0, with another window and back.
def case_streams():
    rig = Rig(1, 64, 0)
    for token, channels, hop in ((2, 2, 128), (3, 1, 64), (4, 1, 500), (5, 2, 64)):
        rig.deliver()
        rig.run()
        rig.channels, rig.hop = channels, hop
        rig.twin = ima.Ima(channels)
        rig.frame.clear()
        rig.got.clear()
        rig.stream(token)
        rig.got.clear()
        for _ in range(8):
            rig.deliver()
            rig.run()
        assert len(rig.got) == 8 * 256 // hop


# pcm16 after adpcm and back; a START that is refused leaves the stream as it is.
def case_changes():
    rig = Rig(1, 64, 0)
    rig.deliver()
    rig.run()
    rig.board.mic.fail_rates = (48000,)
    for fields in (dict(hop=63), dict(rate=48000, hop=700), dict(hop=2600, overlap=81), dict(hop=1500)):
        assert rig.host.start(token=9, codec=1, **fields).kind == _wire.KIND_REFUSED
    rig.deliver()
    rig.run()
    assert sorted(rig.got) == list(range(8))
    said = rig.host.start(token=10, hop=64)
    assert said.payload[_wire.STARTED_AT_CODEC] == _wire.CODEC_PCM16
    assert rig.app.capture.coder is None


# No room for the table: refused with the reason, and the stream in force goes on.
def case_memory():
    rig = Rig(1, 2000, 0, samples=30000)
    rig.deliver()

    def claim(channels, hop, overlap):
        raise MemoryError

    adpcm = rig.app.commands._adpcm
    adpcm.claim = claim
    said = rig.host.start(token=9, codec=1, hop=64)
    assert said.kind == _wire.KIND_REFUSED and said.u16(4) == _wire.REASON_MEMORY
    for _ in range(16):
        rig.deliver()
        rig.run()
    assert sorted(rig.got) == [0, 1]


def main():
    random.seed(int(sys.argv[1]))
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
