# The configuration, and the ring's memory. Prints "ok NAME" for each. argv[1] is a folder to
# write in.
import sys

from boards import heap
from ossicle import config


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
    for text in (
        '{"shift": 12, "x": "%s"}' % ("x" * 9000),
        "shift = 12",
        "{",
        '{"shift": 12, ',
        '{"shift": 12',
        "[1]",
        "",
    ):
        with open(sys.argv[1] + "/bad.json", "w") as file:
            file.write(text)
        c = config.load(sys.argv[1] + "/bad.json")
        assert c.notes == ["the configuration is no JSON object"] and c.shift == 14, text
    with open(sys.argv[1] + "/good.json", "w") as file:
        file.write('{"shift": 12}')
    assert config.load(sys.argv[1] + "/good.json").shift == 12
    many = config.read({str(i) + "k" * 100: i for i in range(20)})
    assert len(many.notes) == 6 and max(len(n) for n in many.notes) <= 80


def case_a_smaller_ring():
    assert len(heap.claim(1000, 500)) == 2000
    smaller = heap.claim(10_000_000, 1000)
    assert len(smaller) in [2 * (10_000_000 >> i) for i in range(1, 14)], len(smaller)
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
