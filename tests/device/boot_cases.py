# What happens around the app: failed starts, the configuration, the ring's memory. Prints
# "ok NAME" for each. argv[1] is a folder to write in.
import sys

from boards import heap
from fakes import Board
from ossicle import boot, config

PATH = sys.argv[1] + "/ossicle.failed"
resets = []


def reset():
    resets.append(1)


class Broken:
    failures = PATH
    reset = staticmethod(reset)

    def __init__(self):
        raise MemoryError("no ring")


class Short(Board):
    failures = PATH
    left = None

    def leave(self, link):
        Short.left = bytes(link.rest_bytes[: link.rest])


class Good(Short):
    def __init__(self):
        super().__init__()
        self.port.input = b"\x00\x0d\x03\x01"


def case_two_failures_in_a_row():
    n = len(resets)
    boot.run(Broken)
    assert len(resets) == n + 1 and boot.read(PATH) == 1
    boot.run(Broken)  # ends in the REPL: no second reset
    assert len(resets) == n + 1 and boot.read(PATH) == 0
    boot.run(Broken)  # the user has reset it
    assert len(resets) == n + 2
    boot.forget(PATH)


def case_ten_good_seconds_forgive():
    boot.run(Broken)

    class Later(Board):
        failures = PATH
        reset = staticmethod(reset)

        def __init__(self):
            super().__init__()
            self.clock.idle = self.idle

        def idle(self):
            self.clock.pass_ms(1000)
            if self.clock.now_ms > 5000 + 12000:
                assert boot.read(PATH) == 0
                raise OSError("the microphone is gone")

    n = len(resets)
    boot.run(Later)
    assert len(resets) == n + 1 and boot.read(PATH) == 1
    boot.forget(PATH)


def case_back_to_the_repl():
    boot.run(Good)
    assert Short.left == b"\x01" and boot.read(PATH) == 0


def case_no_file_no_count():
    class Plain:
        failures = None

        def __init__(self):
            raise ValueError("seen")

    try:
        boot.run(Plain)
    except ValueError:
        return
    raise AssertionError("it was hidden")


def case_configuration():
    c = config.read(
        {"shift": 99, "sck": "14", "dc_blocker": 1, "device": "kitchen", "nonsense": 1, "ibuf": 8192}
    )
    assert (c.shift, c.sck, c.dc_blocker, c.device, c.ibuf) == (14, 14, True, "kitchen", 8192)
    assert len(c.notes) == 4, c.notes
    c = config.read({"slot": "up", "mic": "pattern", "ssid": "é" * 17, "password": "p" * 65, "link": 1})
    assert (c.slot, c.mic, c.ssid, c.password, c.link) == ("left", "pattern", "", "", "serial")
    assert len(c.notes) == 4 and "ppp" not in str(c.notes), c.notes
    assert config.read([1]).notes and config.load("/nowhere.json").notes == []
    with open(sys.argv[1] + "/bad.json", "w") as file:
        file.write("shift = 12")
    assert config.load(sys.argv[1] + "/bad.json").notes
    with open(sys.argv[1] + "/good.json", "w") as file:
        file.write('{"shift": 12}')
    assert config.load(sys.argv[1] + "/good.json").shift == 12
    many = config.read({"k" * 100 + str(i): i for i in range(20)})
    assert len(many.notes) == 6 and max(len(n) for n in many.notes) <= 80


def case_a_smaller_ring():
    assert len(heap.claim(1000, 500)) == 2000
    smaller = heap.claim(10_000_000, 1000)
    assert 2000 <= len(smaller) < 20_000_000
    del smaller
    try:
        heap.claim(10_000_000, 9_000_000)
    except MemoryError as error:
        assert "18000000" in str(error)
        return
    raise AssertionError("there was room")


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
