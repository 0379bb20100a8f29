# Mutated input to the whole device, all of it in here: who hurts the packets, who judges what
# has to become of them, and the right host whose stream has to go on.
#
#   fuzz_run.py CORPUS LINK INPUTS SEED [sealed] [PLANT]
#
# CORPUS has a packet in hex on each line; LINK is direct (Commands, without a link's coding),
# serial, udp or ws; "sealed" gives device and host a key. All the while these have to hold:
#
# - nothing raises, and the loop comes to rest;
# - whatever the link finds, and drops, is what PROTOCOL.md says of the bytes that it was given,
#   and what is not believed is counted, once;
# - whatever goes out makes sense to a host: checks, tags, numbers, lengths;
# - new chunks come in order, none left out without a word, and are what the microphone heard;
# - a PING of the session is answered, a START begins a stream, a closed link opens again;
# - the session's numbers stay what they may be (fuzz_legal);
# - the heap holds as much at the end as at the start.
#
# The same words make the same run. PLANT is the name of a fault in fuzz_plant, which has to be
# found. Prints what was done as "= name value"; what fails is a traceback, and exit code 1.
import gc
import random
import sys
from binascii import unhexlify
from random import getrandbits, randrange

from fuzz_judge import Fault
from fuzz_legal import check
from fuzz_mutate import Mutator, checked, noise, one_of, shown
from fuzz_world import World
from host_seal import HostSeal
from ossicle.ccm import Ccm
from ossicle.session import DONE

_LAST = 6  # inputs that are told of when one fails
_HELD_MAX = 24
_WARM = 600
_WRONG_KEY = bytes(range(16))


class Fuzzer:
    def __init__(self, world, corpus):
        self.world = world
        self.host = world.host
        self.mutator = Mutator(corpus, world.host)
        self.last = []
        self.inputs = 0
        self.sealed = 0  # inputs with the right key
        self._held = []  # sealed packets that come late, or again
        self._stranger = None
        if world.host.seal is not None:
            self._stranger = HostSeal(_WRONG_KEY)
            self._stranger.out = Ccm(_WRONG_KEY, self._stranger.room)

    # So many inputs, and the stream goes on between them.
    def run(self, inputs):
        world = self.world
        stop = self.inputs + inputs
        while self.inputs < stop:
            over = world.session.state == DONE and not getrandbits(2)
            if over or not world.is_in_session() or not getrandbits(12):
                world.start(hop=one_of((64, 100, 256)), channels=1 + getrandbits(1), codec=getrandbits(1))
            for _ in range(1 + getrandbits(3)):
                if world.way.is_clean():
                    self._input()
                if not getrandbits(3):
                    world.hear()
                if getrandbits(1):
                    world.settle()
            if not getrandbits(5):
                world.happen()
            world.hear()
            world.settle()
            check(world)
            if not getrandbits(2) and world.is_in_session():
                self._go_on()

    # The right host is heard, and hears.
    def _go_on(self):
        world = self.world
        world.check_answer()
        world.check_progress()
        world.say(self.host.ack())

    def _input(self):
        body = self.mutator.body()
        self.inputs += 1
        how = getrandbits(3)
        if self._stranger is not None and how < 5:
            data = self._sealed(body)
        elif how < 7:
            data = checked(body)
        else:
            data = bytes(body) + noise(4)
        self.last = self.last[1 - _LAST :] + [data]
        self.world.way.spoil(data)

    # With the right key mostly; with another; the same again, hurt or not; late.
    def _sealed(self, body):
        how = getrandbits(4)
        held = self._held
        if how < 5 and held:
            data = held.pop(randrange(len(held)))
            if how < 2:
                at = randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1 << getrandbits(3)]) + data[at + 1 :]
            return data
        if len(body) < 16:
            return body
        kind, payload = body[0], body[16:]
        session = body[2] | body[3] << 8
        if how == 5:
            return self._stranger.seal(kind, session, payload)
        if not self.host.sealing:
            return checked(body)
        seal = self.host.seal
        if not getrandbits(4):
            seal.number += getrandbits(7)
        data = self.host.sealed(kind, session, payload)
        self.sealed += 1
        if how < 9 and len(held) < _HELD_MAX:
            held.append(data)
        return held.pop(0) if how == 15 and held else data

    def refresh(self):
        self._held = []
        self.last = []


# The least of three: a block may seem to be in use because a number looks like its address.
def heap_bytes(world, fuzzer):
    least = 1 << 29
    for _ in range(3):
        world.rest()
        fuzzer.refresh()
        gc.collect()
        gc.collect()
        least = min(least, gc.mem_alloc())
    return least


def main(corpus, link, inputs, seed, *words):
    random.seed(int(seed))
    with open(corpus) as file:
        packets = [unhexlify(line.strip()) for line in file]
    world = World(link, "sealed" in words)
    fuzzer = Fuzzer(world, packets)
    if words and words[-1] != "sealed":
        from fuzz_plant import PLANTS

        PLANTS[words[-1]](world)
    try:
        fuzzer.run(min(_WARM, int(inputs) // 2))
        before = heap_bytes(world, fuzzer)
        fuzzer.run(int(inputs) - fuzzer.inputs)
        after = heap_bytes(world, fuzzer)
        if after > before:
            raise Fault("the heap holds %d bytes, and held %d" % (after, before))
    except Exception as error:
        print("input %d of seed %s; the last ones:" % (fuzzer.inputs, seed), file=sys.stderr)
        for data in fuzzer.last:
            print(" ", shown(data), file=sys.stderr)
        sys.print_exception(error, sys.stderr)
        sys.exit(1)
    for name, value in (
        ("inputs", fuzzer.inputs),
        ("sealed", fuzzer.sealed),
        ("good", world.good),
        ("bad", world.bad),
        ("dropped", world.way.dropped),
        ("heard", world.host.heard),
        ("streams", world.streams),
        ("losses", world.way.losses),
        ("heap", after),
    ):
        print("=", name, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
