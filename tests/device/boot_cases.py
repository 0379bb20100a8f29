# What happens before the app is there: versions and starts that are counted, the log. Prints
# "ok NAME" for each. argv[1] is a folder to write in.
import os
import sys

from starting import FOLDER, Chip, Counted, Machine, board, loaded, log, main_of, slot, starts
from ossicle import boot, loader, settled


# -- versions ------------------------------------------------------------------------------


def case_a_version_in_force():
    board("a", "a", "b")
    assert loader.choose() == "/firmware/a" and slot() == "a"
    board("b", "a", "b")
    assert loader.choose() == "/firmware/b" and slot() == "b"


def case_a_trial_that_settles():
    board("ab", "a", "b")
    assert loader.choose() == "/firmware/b" and slot() == "abx"
    assert loader.count() and starts() == "1"
    settled.keep(FOLDER)
    assert slot() == "b" and starts() == ""
    assert loader.choose() == "/firmware/b" and log() == ""


def case_a_trial_that_does_not_settle():
    board("ba", "a", "b")
    assert loader.choose() == "/firmware/a" and slot() == "bax"
    assert loader.choose() == "/firmware/b" and slot() == "b"
    assert log() == "version a did not settle: b runs again", log()


# The loader is of the version that is known to run, all else of the one on trial.
def case_imports_find_the_trial():
    board("ab", "a", "b")
    Chip.path = ["/firmware/a", ".frozen"]
    Chip.modules = {"ossicle": 1, "ossicle.loader": 1, "boards": 1, "json": 1}
    loader.enter(loader.choose())
    modules, Chip.modules = Chip.modules, sys.modules
    assert Chip.path == [FOLDER + "/firmware/b", ".frozen"] and list(modules) == ["json"], modules


# What failed before is not the new version's, and not the old one's, which runs again.
def case_a_trial_has_its_own_starts():
    board("ab", "a", "b")
    loader.write(loader.STARTS, "2")
    assert loader.choose() == "/firmware/b" and loader.count()
    loader.write(loader.STARTS, "2")
    assert loader.choose() == "/firmware/a" and loader.count()


def case_a_trial_that_the_user_ends_comes_again():
    board("ab", "a", "b")
    loader.choose()
    loader.count()
    loader.ended()
    assert slot() == "ab" and starts() == "0"
    assert loader.choose() == "/firmware/b"


# Wherever an installation was cut off: the slot names what is not there, or nothing.
def case_a_version_that_is_not_there():
    board("ab", "a")
    assert loader.choose() == "/firmware/a"
    assert loader.choose() == "/firmware/a" and slot() == "a"
    board("", "b")
    assert loader.choose() == "/firmware/b"
    board("nonsense", "a")
    assert loader.choose() == "/firmware/a"
    board("a")
    assert loader.choose() == "" and Chip.path == []


def case_a_flash_that_is_full_keeps_the_old_version():
    board("ab", "a", "b")
    os.mkdir(FOLDER + "/firmware/slot.new")
    chosen = loader.choose()
    os.rmdir(FOLDER + "/firmware/slot.new")
    assert chosen == "/firmware/a" and slot() == "ab"


# -- starts --------------------------------------------------------------------------------


# Also where they hang, and nothing is told of them.
def case_two_starts_that_fail_stop_the_third():
    board("a", "a")
    assert loader.count() and loader.count() and starts() == "2"
    assert not loader.count() and "two starts in a row" in log() and "no reason known" in log()
    assert loader.count()  # the user has reset it


def case_power_begins_anew():
    board("a", "a")
    loader.write(loader.STARTS, "2")
    Machine.cause = Machine.PWRON_RESET
    assert loader.count() and starts() == "1"


def case_the_watchdog_is_told():
    board("a", "a")
    Machine.cause = Machine.WDT_RESET
    assert loader.count() and "watchdog" in log()
    assert loader.count() and log().count("watchdog") == 1


def case_a_start_that_raises():
    board("a", "a")
    Machine.dogs = []

    def failing(*more):
        assert len(Machine.dogs) == Machine.resets + 1  # what hangs is ended
        raise MemoryError("no ring")

    start, boot.start = boot.start, failing
    try:
        for n in range(2):
            assert loaded("/firmware/a") is None and Machine.resets == n + 1
            assert log() == "MemoryError: no ring"
        assert loaded("/firmware/a") is None and Machine.resets == 2  # at the REPL
    finally:
        boot.start = start
    assert log().split("\n")[-1].endswith("The last: MemoryError: no ring")


def case_ctrl_c_in_a_start():
    board("ab", "a", "b")

    class Interrupted(Counted):
        def __init__(self):
            raise KeyboardInterrupt

    Counted.calmed = 0
    find, boot._find = boot._find, lambda: Interrupted
    try:
        assert loaded("/firmware/b") is None
    finally:
        boot._find = find
    assert Counted.calmed == 1 and Machine.resets == 0 and slot() == "ab" and starts() == "0"


# -- the log -------------------------------------------------------------------------------


def case_the_log_has_a_limit():
    board()
    for i in range(100):
        loader.tell("%d: " % i + "xy\n" * 100)
    size = os.stat(FOLDER + loader.LOG)[6]
    lines = log().split("\n")
    assert 1800 < size <= 2048 and {len(line) for line in lines} == {120}, size
    assert [line.split(":")[0] for line in lines] == [str(i) for i in range(100 - len(lines), 100)]
    loader.tell(lines[-2])
    assert log().split("\n") == lines


main_of(globals())
