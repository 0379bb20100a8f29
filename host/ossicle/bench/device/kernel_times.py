# Each kernel and its plain twin, on the same input, in turns. Prints a line of JSON for each:
# nanoseconds a unit (a sample, a byte, a call) of both in each round, and whether both did the same.
#
#   kernel_times.py ROUNDS [WRONG]
#
# WRONG names a twin to be spoilt, so that the comparison itself can be tested.
import gc
import json
import random
import sys
import utime
from array import array

import twins
from ossicle import kernels
from ossicle.kernels import C_SIZE, K_CAPACITY, K_CHANNELS, K_DC_ON, K_FRAMES, K_GAIN, K_GUARD, K_SHIFT

KERNEL_CALLS = 256  # in a round; of a twin fewer, since it takes so much longer
TWIN_CALLS = 8
SHORT = 8  # times as many of what has no loop

FRAMES = 256  # a DMA buffer
HOP = 512
CAPACITY = 2048
PACKET = 16 + 2 * HOP  # bytes, without the check


def state():
    new = kernels.new_state()
    new[K_FRAMES] = FRAMES
    new[K_CHANNELS] = 1
    new[K_SHIFT] = 14
    new[K_GAIN] = 300
    new[K_DC_ON] = 1
    new[K_CAPACITY] = CAPACITY
    new[K_GUARD] = HOP
    return new


def storage():
    return array("h", bytes(2 * (CAPACITY + HOP)))


def arguments(start, count, to):
    new = array("i", (0 for _ in range(C_SIZE)))
    new[kernels.C_FROM] = start
    new[kernels.C_COUNT] = count
    new[kernels.C_TO] = to
    return new


# A buffer of `size` bytes that begins with `data`.
def room(data, size):
    new = bytearray(size)
    new[: len(data)] = data
    return new


slots = array("i", [(random.getrandbits(32) - (1 << 31)) >> random.getrandbits(4) for _ in range(FRAMES)])
samples = array("h", [(random.getrandbits(16) - 32768) >> random.getrandbits(4) for _ in range(HOP)])
packet = bytes(range(16)) + bytes(memoryview(samples))
table = array("I", (0 for _ in range(16)))
twins.crc32_table(table)
checked = room(packet, PACKET + 4)
twins.crc32_put(checked, PACKET, table)
coded = room(checked, PACKET + 12)
coded_n = twins.cobs_encode(coded, PACKET + 4) - 1
full = bytes([1]) * 256

# Name, unit, units a call, and what makes the arguments: anew for each call, since many kernels
# write into them.
JOBS = (
    ("convert", "sample", FRAMES, lambda: (slots, storage(), state())),
    ("copy_in", "sample", FRAMES, lambda: (samples, storage(), state())),
    ("copy_out", "sample", HOP, lambda: (samples, storage(), arguments(0, HOP, 8))),
    ("copy_bytes", "byte", 256, lambda: (full, bytearray(300), arguments(0, 256, 8))),
    ("find_zero", "byte", 256, lambda: (full, 0, 256)),
    ("crc32_put", "byte", PACKET, lambda: (room(packet, PACKET + 4), PACKET, table)),
    ("crc32_ok", "byte", PACKET, lambda: (checked, PACKET, table)),
    ("cobs_encode", "byte", PACKET + 4, lambda: (room(checked, PACKET + 12), PACKET + 4)),
    ("cobs_decode", "byte", coded_n, lambda: (bytearray(coded), coded_n)),
    (
        "ws_frame",
        "byte",
        PACKET + 4,
        lambda: (bytes(checked), bytearray(PACKET + 12), PACKET + 4, bytearray(b"\x12\x34\x56\x78")),
    ),
    ("mark", "call", 1, lambda: (bytearray(1024), 1020)),
    ("marked", "call", 1, lambda: (room(b"\x5a\x71\x6d\x2b", 8), 0)),
    ("crc32_table", "call", 1, lambda: (array("I", (0 for _ in range(16))),)),
)


# What a call returns and leaves behind in its arguments. COBS leaves what it returns the length of.
def outcome(name, call, make):
    given = make()
    returned = call(*given)
    size = returned if name.startswith("cobs") else -1
    left = [bytes(memoryview(each)) for each in given if not isinstance(each, int)]
    return [returned] + ([each[:size] for each in left] if size >= 0 else left)


def spoilt(call):
    def wrong(*given):
        returned = call(*given)
        each = given[0] if isinstance(given[0], bytearray) else given[-1]
        if isinstance(each, int):
            return returned + 1
        each[0] ^= 1
        return returned

    return wrong


# Nanoseconds a call.
def timed(call, make, calls):
    given = [make() for _ in range(calls)]
    gc.collect()
    start_us = utime.ticks_us()
    for each in given:
        call(*each)
    return utime.ticks_diff(utime.ticks_us(), start_us) * 1000 / calls


# Each kernel beside its twin, as a dict; `rounds` of so many calls. A chip has room for few calls' arguments.
def measure(rounds, wrong="", calls=KERNEL_CALLS, twin_calls=TWIN_CALLS):
    for name, unit, units, make in JOBS:
        kernel = getattr(kernels, name)
        twin = getattr(twins, name)
        if name == wrong:
            twin = spoilt(twin)
        told = {"name": name, "unit": unit, "same": outcome(name, kernel, make) == outcome(name, twin, make)}
        more = SHORT if unit == "call" else 1
        told["kernel_ns"] = []
        told["twin_ns"] = []
        for _ in range(rounds):
            told["kernel_ns"].append(timed(kernel, make, calls * more) / units)
            told["twin_ns"].append(timed(twin, make, twin_calls * more) / units)
        yield told


def main():
    for told in measure(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""):
        print(json.dumps(told))


random.seed(1)
if __name__ == "__main__":
    main()
