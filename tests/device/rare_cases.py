# What is seldom called is asked for while no memory can be had for its code, or the code is not
# there: the stream in force goes on, and whoever asks again is answered. In the sources the mark
# means nothing; here it fails on demand, as the build's loader would. Prints "ok NAME" for each.
import sys


class Plan:
    error = None  # what is raised in place of each marked function
    met = 0
    after = 0  # so many calls are let through before


def rare(group):
    def mark(function):
        def call(*arguments):
            if Plan.error is not None:
                if Plan.after == 0:
                    Plan.met += 1
                    raise Plan.error("planted")
                Plan.after -= 1
            return function(*arguments)

        return call

    return mark


class Marks:
    passing = staticmethod(lambda function: function)


Marks.rare = staticmethod(rare)
sys.modules["ossicle.rare"] = Marks

from fakes import Board, Host  # noqa: E402
from ossicle import _wire  # noqa: E402
from ossicle.app import App  # noqa: E402

HELLO = b'{"ossicle":1,"host":"t"}'
ERRORS = (MemoryError, ImportError)


def streaming():
    b = Board()
    app = App(b)
    host = Host(app, b)
    host.start(token=5)
    assert audio(host.run(b, 6))
    return b, app, host


def audio(packets):
    return [p for p in packets if p.kind == _wire.KIND_AUDIO]


# The stream goes on with the chunks that follow, in its session, whatever is said meanwhile.
def fails(b, host, error, kind, session, payload, after=0):
    session_in_force = host.session
    before = host.run(b, 4)
    Plan.error, Plan.met, Plan.after = error, 0, after
    host.say(kind, session, payload)
    got = host.run(b, 8)
    Plan.error = None
    assert Plan.met, "nothing was planted"
    heard = audio(before) + audio(got) + audio(host.run(b, 4))
    assert len(audio(got)) >= 3
    assert all(p.session == session_in_force for p in heard)
    sequences = [p.sequence for p in heard]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences))), sequences


def case_hello():
    for error in ERRORS:
        b, app, host = streaming()
        fails(b, host, error, _wire.KIND_HELLO, 0, HELLO)
        b.clock.pass_ms(100)
        assert any(p.kind == _wire.KIND_HELLO for p in host.ask(_wire.KIND_HELLO, 0, HELLO))


def case_a_start_of_another_host():
    for error in ERRORS:
        for after in range(3):
            b, app, host = streaming()
            first = host.session
            fails(b, host, error, _wire.KIND_START, 0, host.start_payload(token=9, channels=3), after)
            p = host.start(token=9, channels=3)
            assert p.kind == _wire.KIND_REFUSED and host.session == first
            assert host.start(token=9).kind == _wire.KIND_STARTED and host.session != first


# Whichever of the functions of a START that takes the stream's place fails: the next START works.
def case_a_start_that_fails_anywhere():
    for error in ERRORS:
        after = 0
        while True:
            b, app, host = streaming()
            Plan.error, Plan.met, Plan.after = error, 0, after
            host.say(_wire.KIND_START, 0, host.start_payload(token=9))
            host.run(b, 3)
            Plan.error = None
            if not Plan.met:
                break
            assert host.start(token=10).kind == _wire.KIND_STARTED
            assert audio(host.run(b, 6))
            after += 1
        assert after > 5


def case_set():
    for error in ERRORS:
        b, app, host = streaming()
        gain = b"\x01\0" + bytes((_wire.KEY_GAIN, 0)) + b"\0\1\0\0"
        fails(b, host, error, _wire.KIND_SET, host.session, gain)
        assert any(p.kind == _wire.KIND_SET_REPLY for p in host.ask(_wire.KIND_SET, None, gain))


# A loop in which nothing is possible any more ends, and the board starts again.
def case_an_end():
    b, app, host = streaming()

    def never(n=0):
        raise MemoryError

    app.capture.watch = never
    turns = 0
    try:
        while turns < 10000:
            app.step()
            turns += 1
    except MemoryError:
        pass
    assert 1000 < turns < 10000, turns


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error)


main()
