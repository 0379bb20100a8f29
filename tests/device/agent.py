# Drives the firmware's parts for tests that run under CPython: a line of JSON in, a line
# of JSON out. It does what it is told with the code under test, and judges nothing.
import json
import sys
from array import array
from binascii import unhexlify

from agent_seal import do_ccm, do_derive
from agent_board import AppDriver, sample, text
from ossicle import kernels
from ossicle import ring as ring_module
from ossicle.frames import FrameRing
from ossicle.links.serial import SerialLink
from ossicle.packet import PacketBuilder, payload_bytes


class RingDriver:
    def __init__(self, ring):
        hop, overlap, capacity = ring["hop"], ring["overlap"], ring["capacity"]
        self.channels = ring["channels"]
        self.ring = FrameRing((capacity + hop + overlap) * self.channels)
        self.ring.configure(self.channels, hop, overlap, capacity, ring["start"], ring["overflow"])
        self.next = 0  # number of the next frame to write

    def do(self, op, args):
        answer = getattr(self, op)(*args)
        ring = self.ring
        available = ring.available()
        return [
            answer,
            [
                ring.written,
                ring.read_position,
                available,
                ring.free(),
                ring.overflows,
                ring.overwritten_frames,
                ring.refused,
            ],
        ]

    def room(self, n):
        return bytearray(2 * self.channels * max(n, 1))

    def frames(self, buf, n):
        return ["ok", text(memoryview(buf)[: 2 * self.channels * n])]

    def write(self, n):
        data = array("h")
        for number in range(self.next, self.next + n):
            for channel in range(self.channels):
                data.append(sample(number, channel))
        self.next += n
        taken = self.ring.write(data, n)
        return ["ok", n] if taken == n else ["full", n]

    def hole(self, n):
        self.ring.hole(n)
        return ["ok", None]

    def read(self, n):
        buf = self.room(n)
        frames = self.ring.read_into(buf, n)
        return ["not enough", None] if frames < 0 else self.frames(buf, frames)

    def peek(self, n):
        buf = self.room(n)
        frames = self.ring.peek_into(buf, n)
        return ["not enough", None] if frames < 0 else self.frames(buf, frames)

    def advance(self, n):
        return ["not enough", None] if self.ring.advance(n) < 0 else ["ok", None]

    def skip(self, n):
        return ["ok", self.ring.skip(n)]

    def clear(self):
        self.ring.clear()
        return ["ok", None]

    def history(self, start, n):
        buf = self.room(n)
        frames = self.ring.history_into(buf, start, n)
        return ["gone", None] if frames < 0 else self.frames(buf, frames)

    def window(self, sequence):
        buf = self.room(self.ring.guard)
        seen = self.ring.window(sequence)
        frames = self.ring.copy_window(sequence, buf, 0)
        if frames != seen:
            return ["window and copy_window differ", [seen, frames]]
        if frames < 0:
            self.ring.run(sequence)
            return ["gone", self.ring.gone_cause]
        return self.frames(buf, frames)

    # As window, but n frames come from the interrupt while the copy is made.
    def torn(self, sequence, n):
        def copy_out(*args):
            done = original(*args)
            self.write(n)
            return done

        original = ring_module.copy_out
        ring_module.copy_out = copy_out
        try:
            buf = self.room(self.ring.guard)
            frames = self.ring.copy_window(sequence, buf, 0)
        finally:
            ring_module.copy_out = original
        return ["gone", None] if frames < 0 else self.frames(buf, frames)

    # For each of n sequences why it is gone, 0 where it is not.
    def fates(self, first, n):
        out = []
        while len(out) < n:
            stop = self.ring.run(first + len(out))
            if stop <= first + len(out):
                return ["run does not go on", stop]
            while first + len(out) < stop and len(out) < n:
                out.append(self.ring.gone_cause)
        return ["ok", out]


# A ring lives from a message that says "ring" to the next such one.
def do_ring(message, held=[None]):
    if "ring" in message:
        held[0] = RingDriver(message["ring"])
    return [held[0].do(op, args) for op, args in message["ops"]]


# In pieces, as a microphone gives them: the DC blocker goes on from one to the next. The
# storage is a ring of `capacity` frames with a guard; what is left in it comes back whole.
def do_convert(message):
    src = bytearray(unhexlify(message["slots"]))
    channels = message["channels"]
    right = 1 if message["slot"] == "right" and channels == 1 else 0
    slots = channels + right
    frames = len(src) // 4 // slots
    capacity = message["capacity"]
    guard = message["guard"]
    state = kernels.new_state()
    state[kernels.K_CHANNELS] = channels
    state[kernels.K_SHIFT] = message["shift"]
    state[kernels.K_GAIN] = message["gain"]
    state[kernels.K_DC_ON] = 1 if message["dc_blocker"] else 0
    state[kernels.K_LATE] = message["late"]
    state[kernels.K_RIGHT] = right
    state[kernels.K_CAPACITY] = capacity
    state[kernels.K_GUARD] = guard
    out = bytearray(2 * (capacity + guard) * channels)
    done = 0
    while done < frames:
        n = min(message["piece"], frames - done)
        state[kernels.K_FRAMES] = n
        kernels.convert(src[4 * done * slots :], out, state)
        done += n
    return [text(out), state[kernels.K_INDEX]]


# One chunk of a stream, coded as the app codes it: the samples before its end come in pieces,
# into a ring whose hop boundaries lie where the chunk starts.
def do_adpcm(message):
    from ossicle.adpcm import Adpcm

    channels = message["channels"]
    samples = array("h", message["samples"])
    start, stop = message["start"], message["stop"]
    hop = start or max(stop, 1)
    ring = FrameRing(4 * (hop + stop) * channels)
    ring.configure(channels, hop, max(0, stop - start - hop))
    coder = Adpcm(ring)
    coder.begin(coder.claim(channels, ring.hop, ring.overlap))
    done = 0
    while done < stop:
        n = min(message["piece"], stop - done)
        index = ring.state[kernels.K_INDEX]
        ring.state[kernels.K_FRAMES] = n
        kernels.copy_in(samples[done * channels : (done + n) * channels], ring.storage, ring.state)
        coder.track(index, n)
        ring.written_by_kernel(n)
        done += n
    buf = bytearray(1400)
    frames = ring.copy_window(start // hop, buf, 16, coder)
    return text(memoryview(buf)[16 : 16 + coder.payload_bytes(frames, channels)])


def do_cobs_encode(message):
    src = unhexlify(message["data"])
    buf = bytearray(len(src) + len(src) // 254 + 2)
    buf[: len(src)] = src
    return text(memoryview(buf)[: kernels.cobs_encode(buf, len(src))])


def do_cobs_decode(message):
    buf = bytearray(unhexlify(message["data"]))
    n = kernels.cobs_decode(buf, len(buf))
    return None if n < 0 else text(memoryview(buf)[:n])


def do_crc32(message):
    data = unhexlify(message["data"])
    buf = bytearray(len(data) + 4)
    buf[: len(data)] = data
    n = kernels.crc32_put(buf, len(data), kernels.CRC_TABLE)
    return [text(memoryview(buf)[len(data) : n]), kernels.crc32_ok(buf, len(data), kernels.CRC_TABLE)]


def do_encode(message):
    builder = PacketBuilder()
    payload = unhexlify(message["payload"])
    builder.number = message["number"]
    at = builder.payload_at
    builder.buffer[at : at + len(payload)] = payload
    n = builder.finish(
        message["kind"],
        message["flags"],
        message["session"],
        message["sequence"],
        message["ticks_us"],
        len(payload),
    )
    return text(memoryview(builder.buffer)[:n])


# The payload's length, or -1.
def do_decode(message):
    data = bytearray(unhexlify(message["packet"]))
    return payload_bytes(data, len(data))


# A port that gives what a test has put on the line, and the time that the test says it is.
class Line:
    def __init__(self):
        self.waiting = b""
        self.now = 1000
        self.sent = b""
        self.bytes_per_s = 0
        self.baud = 115200
        self.max_baud = 2000000

    def ms(self):
        return self.now

    def read_into(self, buf):
        n = min(len(buf), len(self.waiting))
        buf[:n] = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return n

    def room(self):
        return 4096

    def write(self, buf, at, n):
        self.sent += bytes(buf[at : at + n])
        return n

    def drained(self):
        return True


# Steps are bytes (hex) or a pause (ms); `piece` says how many bytes come at once.
def do_line(message):
    line = Line()
    link = SerialLink(line, line)
    packets = []
    bad = 0
    for step in message["steps"]:
        if isinstance(step, int):
            line.now += step
            data = b""
        else:
            data = unhexlify(step)
        piece = message["piece"] or max(1, len(data))
        for at in range(0, max(1, len(data)), piece):
            line.waiting += data[at : at + piece]
            n = 1
            while n:
                n = link.receive()
                if n and payload_bytes(link.packet, n) < 0:
                    bad += 1
                elif n:
                    packets.append(text(memoryview(link.packet)[:n]))
    return {
        "packets": packets,
        "dropped": link.dropped + bad,
        "repl": link.interrupted,
        "left": text(memoryview(link.rest_bytes)[: link.rest]) if link.interrupted else "",
        "unread": text(line.waiting),
    }


# The whole firmware: it lives from a message that says "new" to the next such one.
def do_app(message, held=[None]):
    if "new" in message:
        held[0] = AppDriver(message["new"])
    driver = held[0]
    answers = []
    for name, *args in message["calls"]:
        getattr(driver, name)(*args)
        answers.append(driver.done())
    return answers


COMMANDS = {
    "app": do_app,
    "encode": do_encode,
    "decode": do_decode,
    "line": do_line,
    "ring": do_ring,
    "convert": do_convert,
    "adpcm": do_adpcm,
    "cobs_encode": do_cobs_encode,
    "cobs_decode": do_cobs_decode,
    "crc32": do_crc32,
    "ccm": do_ccm,
    "derive": do_derive,
}


def main():
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        ask(line)


def ask(line):
    message = json.loads(line)
    try:
        answer = {"answer": [COMMANDS[message["do"]](each) for each in message["each"]]}
    except Exception as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
        sys.print_exception(error, sys.stderr)
    # In pieces: a chip has no room for all of it at once.
    if "error" in answer:
        print(json.dumps(answer))
        return
    print('{"answer": [', end="")
    separator = ""
    for each in answer["answer"]:
        print(separator, end="")
        print(json.dumps(each), end="")
        separator = ", "
    print("]}")


# On a board the messages come through the REPL, one call each.
if __name__ == "__main__":
    main()
