# Faults for fuzz_run, each of a kind that it has to find: changes of the firmware's classes, and
# of what is around it.
from random import getrandbits

from ossicle import seal as seal_module

PLANTS = {}


def plant(function):
    PLANTS[function.__name__] = function
    return function


# In place of a method: `changed(original, self, *args)`.
def replace(cls, name, changed):
    original = getattr(cls, name)
    setattr(cls, name, lambda *args: changed(original, *args))


@plant
def raises(world):
    def ping(original, self, n):
        if self._buf[16] & 31 == 7:
            raise IndexError("planted")
        return original(self, n)

    replace(type(world.app.commands), "_ping", ping)


@plant
def leaks(world):
    kept = []

    def ack(original, self, n):
        kept.append(n)
        return original(self, n)

    replace(type(world.app.commands), "_ack", ack)


@plant
def believes(world):
    def ack(original, self, n):
        return original(self, n) or n > 8

    replace(type(world.app.commands), "_ack", ack)


@plant
def uncounted(world):
    link = type(world.app.link)

    def drop(original, self, *args):
        before = self.dropped
        original(self, *args)
        self.dropped = before

    replace(link, "_drop" if hasattr(link, "_drop") else "_violates", drop)


@plant
def uncut(world):
    replace(type(world.app.link), "_length", lambda original, self, left: left)


@plant
def unmasked(world):
    def frame(original, self, *args):
        mask = bytes(self._mask)
        original(self, *args)
        self._mask[:] = mask

    replace(type(world.app.link), "_frame", frame)


@plant
def skips(world):
    def release(original, self, n):
        original(self, n if getrandbits(5) else n + self.hop)

    replace(type(world.app.ring), "release", release)


@plant
def wrong(world):
    def window(original, self, sequence, buf, *args):
        frames = original(self, sequence, buf, *args)
        if not getrandbits(5):
            buf[17] ^= 1
        return frames

    replace(type(world.app.ring), "copy_window", window)


@plant
def torn(world):
    def finish(original, self, *args):
        n = original(self, *args)
        return n if getrandbits(6) else n - 1

    replace(type(world.session.builder), "finish", finish)


@plant
def again(world):
    def finish(original, self, *args):
        n = original(self, *args)
        if self.number and not getrandbits(6):
            self.number -= 1
        return n

    replace(type(world.session.builder), "finish", finish)


@plant
def deaf(world):
    replace(type(world.app.commands), "_ping", lambda original, self, n: n == 8)


@plant
def stuck(world):
    def new(original, self, now_ms):
        return original(self, now_ms) if self._next & 15 != 5 else 0

    replace(type(world.session.sender), "_new", new)


@plant
def endless(world):
    def next_packet(original, self, now_ms):
        if self.bad_packets() > 50:
            self.log("planted")
        return original(self, now_ms)

    replace(type(world.session), "next_packet", next_packet)


@plant
def illegal(world):
    def change(original, self, *args):
        self._session.token = 0
        return original(self, *args)

    replace(type(world.app.commands), "_set", change)


@plant
def replayed(world):
    replace(seal_module.Seal, "fresh", lambda original, self, number: number > self.highest - 64)


@plant
def forged(world):
    def opens(original, self, key, buf, n):
        return original(self, key, buf, n) or (key is self._in and buf[16 + n] & 1 == 0)

    replace(seal_module.Seal, "_opens", opens)


@plant
def clear(world):
    def answer(original, self, *args):
        self.builder.clear = True
        n = original(self, *args)
        self.builder.clear = False
        return n

    replace(type(world.session), "_answer_bytes", answer)


@plant
def unopened(world):
    def connected(self):
        self.dead = getattr(self, "dead", False) or self.losses > 8
        return 0 if self.dead else 1

    type(world.way).connected = connected
