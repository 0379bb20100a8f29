# The app's life under loader.py: when it has settled, how it ends, who feeds the watchdog, and
# the ring that makes room for it. Prints "ok NAME" for each. argv[1] is a folder to write in.
import sys

from fakes import Board
from starting import Chip, Counted, Machine, app, board, idle, lived, log, main_of, slot, starts
from ossicle import boot, loader
from ossicle.app import App


def case_ten_good_seconds_settle():
    board("ab", "a", "b")
    for seconds, then in ((5, "abx"), (12, "b")):
        loader.write("/firmware/slot", "abx")
        loader.write(loader.STARTS, "1")
        a = app()
        idle(a, seconds, OSError("the microphone is gone"))
        lived(a)
        assert slot() == then and a.settled == (then == "b")
    assert Machine.resets == 2 and log() == "OSError: the microphone is gone"
    assert Counted.left is None  # it was reset


def case_a_host_settles():
    board("abx", "a", "b")
    a = app()
    a.session.heard(a.clock.ms())
    idle(a, 2, KeyboardInterrupt)
    lived(a)
    assert a.settled and slot() == "b" and Counted.left == b"" and Machine.resets == 0


def case_back_to_the_repl():
    board("abx", "a", "b")
    a = app()
    a.board.port.input = b"\x00\x0d\x03\x01"
    lived(a)
    assert Counted.left == b"\x01" and slot() == "ab" and starts() == "0" and log() == ""


def case_two_ctrl_c():
    board("a", "a")

    class Twice(Counted):
        asked = []

        @staticmethod
        def calm():
            Twice.asked.append(1)
            if len(Twice.asked) == 1:
                raise KeyboardInterrupt

    a = app(Twice)
    idle(a, 1, KeyboardInterrupt)
    lived(a)
    assert len(Twice.asked) == 2 and Counted.left == b""


class Dog:
    def __init__(self):
        self.fed = 0

    def feed(self):
        self.fed += 1


def case_the_dog_is_fed_unless_the_stream_hangs():
    board("a", "a")
    a = app()
    a.board.dog = dog = Dog()
    idle(a, 3, KeyboardInterrupt)
    lived(a)
    assert dog.fed > 1
    a = app()
    a.board.dog = dog = Dog()
    a.capture.open(16000, 1)
    a.ring.configure(1, 512, 0)
    a.capture.begin()
    a.board.mic.arm = lambda buf: None  # nothing comes any more
    idle(a, 30, KeyboardInterrupt)
    lived(a)
    assert 0 < dog.fed < 10, dog.fed


# Others than the chip end with the traceback.
def case_no_count_no_reset():
    a = boot.start(None, Board)
    idle(a, 1, ValueError("seen"))
    platform, Chip.platform = Chip.platform, "linux"
    resets = Machine.resets
    try:
        lived(a)
    except ValueError:
        assert Machine.resets == resets
        return
    finally:
        Chip.platform = platform
    raise AssertionError("it was hidden")


def case_notes_are_logged():
    board("a", "a")

    class Noted(Counted):
        def __init__(self):
            super().__init__(config={"shift": 99})

    app(Noted)
    assert log() == "shift: 99 is refused, 14 taken", log()


# The app comes in when the ring has made room for it.
def case_the_ring_makes_room_for_the_app():
    class Tight(Counted):
        sizes = []

        def shrink(self):
            self.storage = bytearray(len(self.storage) // 2)
            Tight.sizes.append(len(self.storage))
            return len(self.storage) > 8000

    class Full(App):
        def __init__(self, board):
            if len(board.storage) > 20000:
                raise MemoryError
            super().__init__(board)

    at = sys.modules["ossicle.app"]
    at.App = Full
    try:
        a = app(Tight)
        assert Tight.sizes == [33792, 16896] and a.ring.samples == 8448
        Full.__init__ = failing
        Tight.sizes.clear()
        try:
            app(Tight)
        except MemoryError:
            assert Tight.sizes[-1] < 8000
            return
        raise AssertionError("there was room")
    finally:
        at.App = App


def failing(self, board):
    raise MemoryError


main_of(globals())
