# The audio path under heap_lock(): a thread plays the I2S, its callbacks come between any two
# lines of the loop, and ACK, REQUEST and PING come in all the while.
#
#   alloc_run.py CHUNKS none|callback|loop|rare|coder|seal|open|receive|pump [adpcm] [sealed] [udp|ws]
#
# "sealed" also sends what nobody with the key has sent, between what the host says. "callback", "loop"
# and the names of functions plant one allocation there: the proof must fail then. Prints what was
# counted; whether that is right is for the caller to say, who also sees what else was printed.
import _thread
import micropython
import sys
import time
from array import array

import alloc_rare  # noqa: F401 - before the firmware
from alloc_line import LINES
from fakes import Board, Host, cobs, uncobs
from ossicle import _wire, kernels
from ossicle.app import App
from micropython import const

CHUNKS = int(sys.argv[1])
PLANT = sys.argv[2]
CODEC = _wire.CODEC_ADPCM if "adpcm" in sys.argv else _wire.CODEC_PCM16
SEALED = "sealed" in sys.argv
LINE = sys.argv[-1] if sys.argv[-1] in LINES else "serial"
PSK = bytes(range(32))
M30 = const((1 << 30) - 1)

# Shared by thread and firmware: numbers in a preallocated array, each with one writer.
US = const(0)  # capture time; thread
POSTED = const(1)  # buffers handed out; firmware
DELIVERED = const(2)  # buffers delivered; thread
OVER = const(3)  # firmware: the thread may end
ENDED = const(4)  # thread
STALL = const(5)  # thread: stalls so far
SCHEDULED = const(6)  # thread: callbacks that went into the scheduler's queue
PLANTED = const(7)  # firmware: the callback's allocation was tried
shared = array("i", (1000000, 0, 0, 0, 0, 0, 0, 0))


class Clock:
    def capture_us(self):
        return shared[US]

    def ms(self):
        return shared[US] // 1000

    def idle(self):
        pass


class Mic:
    buffer_frames = 256
    hold_frames = 19 * 256
    stale_frames = 0
    ended = False

    def __init__(self):
        self.buffer = None

    def start(self, rate, channels, handler):
        self.handler = handler
        self.fire = self._fire
        return True

    def arm(self, buf):
        self.buffer = buf
        shared[POSTED] += 1

    def filled(self):
        return 256

    def acknowledged(self, position):
        pass

    def stop(self):
        pass

    def _fire(self, _):
        self.handler(self)


audio = bytearray(1024)
for i in range(256):
    audio[4 * i + 2] = i
    audio[4 * i + 3] = i * 7 & 255
whole = array("i", (0, 1024, 0))


# A thread: it looks no global name up, which in this MicroPython can fail while another one raises.
def interrupts(shared, mic, ring, audio, whole, copy_bytes, schedule, sleep_us):
    while not shared[OVER]:
        # A source that is far ahead of the link waits, or all would be overwritten.
        ahead = (ring.written - ring.read_position) & M30 > 16384 and shared[DELIVERED] % 997
        if shared[POSTED] == shared[DELIVERED] or ahead:
            sleep_us(10)  # another may need the core
            continue
        copy_bytes(audio, mic.buffer, whole)
        if shared[DELIVERED] % 3000 == 2999:
            shared[US] = (shared[US] + 1000000) & M30
            shared[STALL] += 1
        shared[US] = (shared[US] + 16000) & M30
        shared[DELIVERED] += 1
        while True:
            try:
                schedule(mic.fire, None)
                shared[SCHEDULED] += 1
                break
            except RuntimeError:
                pass
    shared[ENDED] = 1


config = {"shift": 16, "dc_blocker": False}
if SEALED:
    config["key"] = "".join("%02x" % b for b in PSK)
board = Board(config=config)
board.clock = Clock()
board.mic = mic = Mic()
start_port = board.port
app = App(board)
host = Host(app, board)
if SEALED:
    from host_seal import HostSeal

    seal = HostSeal(PSK)
    assert seal.take(host.ask(_wire.KIND_HELLO, 0, seal.hello())[0].payload)
    start = seal.seal(_wire.KIND_START, 0, host.start_payload(codec=CODEC))
    start_port.input = b"\0" + cobs(start) + b"\0"
    host.steps()
    assert uncobs(start_port.output.split(b"\0")[0])[:2] == bytes((_wire.KIND_STARTED, _wire.FLAG_SEALED))
else:
    assert host.start(codec=CODEC).kind == _wire.KIND_STARTED
packet = bytearray(128)
line = LINES[LINE](packet, app)
forged = 0


# What a host would send, made without allocating.
def say(kind, a, b):
    length = 12 if kind == _wire.KIND_REQUEST else 8
    _wire.put_header(packet, kind, 0, app.session.builder.session, length, 0, 0)
    n = 16
    if kind == _wire.KIND_REQUEST:
        _wire.put_u30(packet, n, 1)
        n += 4
    _wire.put_u30(packet, n, a)
    _wire.put_u30(packet, n + 4, b)
    if SEALED:
        n = seal.put(packet, kind, app.session.builder.session, n - 8)
    else:
        n = kernels.crc32_put(packet, n + 8, kernels.CRC_TABLE)
    line.say(n)


# The last packet again, a byte of it changed, another session, no seal: all of it is dropped.
def forge(turn):
    global forged
    forged += 1
    way = turn & 3
    session = 0 if way == 2 else app.session.builder.session
    number = seal.number if way else 0
    _wire.put_header(packet, _wire.KIND_PING, _wire.FLAG_SEALED, session, 8, 0, number)
    n = 32
    if way == 3:
        packet[1] = 0
        n = kernels.crc32_put(packet, 24, kernels.CRC_TABLE)
    line.say(n)


def talk(turn, sequence):
    if SEALED and turn % 16 == 8:
        forge(turn >> 4)
    elif turn % 64 == 0:
        say(_wire.KIND_ACK, sequence - 20 if sequence > 20 else 0, sequence)
    elif turn % 64 == 16:
        say(_wire.KIND_REQUEST, sequence - 5 if sequence > 5 else 0, sequence + 1)
    elif turn % 64 == 32:
        say(
            _wire.KIND_REQUEST,
            sequence - 120 if sequence > 120 else 0,
            sequence - 110 if sequence > 120 else 1,
        )
    elif turn % 64 == 48:
        say(_wire.KIND_PING, turn & 255, 5)


if PLANT == "callback":
    from ossicle.capture import Capture

    take = Capture._take

    def planted(self, buf, frames, now_us):
        if self.blocks >= CHUNKS and not shared[PLANTED]:
            shared[PLANTED] = 1
            self.planted = [1]
        take(self, buf, frames, now_us)

    app.capture.planted = None
    Capture._take = planted

if PLANT == "rare":  # what is seldom called comes in the middle of the stream
    from ossicle.sender import Sender

    def seldom(self, sequence):
        self.repeat_last()
        return Sender._seldom(self, sequence)

    Sender._seldom = Sender._resend
    Sender._resend = seldom

if PLANT == "coder":
    from ossicle.adpcm import Adpcm

    encode = Adpcm.encode

    def coded(self, sequence, index, n, buf, off):
        encode(self, [sequence][0], index, n, buf, off)

    Adpcm.encode = coded

if PLANT in ("seal", "open"):
    from ossicle.ccm import Ccm

    original = getattr(Ccm, PLANT)

    def wasteful(self, packet, a, n):
        return original(self, packet, [a][0], n)

    setattr(Ccm, PLANT, wasteful)


if PLANT in ("receive", "pump"):
    done = getattr(type(app.link), PLANT)

    def greedy(self):
        return [done(self)][0]

    setattr(type(app.link), PLANT, greedy)


def run():
    turn = 0
    sender = app.session.sender
    micropython.heap_lock()
    while sender.sent - sender.resent < CHUNKS:
        if line.is_free():
            turn += 1
            talk(turn, app.ring.sequence)
        line.take()
        app._turn()  # step() would go on after a MemoryError
        if PLANT == "loop" and app.capture.blocks >= CHUNKS:
            turn = [turn][0]
    micropython.heap_unlock()
    return turn


_thread.start_new_thread(
    interrupts,
    (shared, mic, app.ring, audio, whole, kernels.copy_bytes, micropython.schedule, time.sleep_us),
)
failed = "no"
error = None  # a place for it: where the heap is locked none can be made
try:
    run()
except MemoryError as error:  # noqa: F811
    while micropython.heap_unlock():
        pass
    failed = "MemoryError in the loop"
    sys.print_exception(error, sys.stderr)
shared[OVER] = 1
while not shared[ENDED]:
    time.sleep_ms(1)
for _ in range(1000):  # what is still in the scheduler's queue
    time.sleep_us(10)
sender = app.session.sender
for name, value in (
    ("new", sender.sent - sender.resent),
    ("resent", sender.resent),
    ("stalls", shared[STALL]),
    ("holes", app.ring.holes),
    ("bad", app.session.bad_packets()),
    ("forged", forged),
    ("delivered", shared[SCHEDULED]),
    ("blocks", app.capture.blocks),
    ("rearmed", app.capture.rearmed),
    ("taken", line.taken),
    ("full", line.full()),
    ("failed", failed),
):
    print("=", name, value)
