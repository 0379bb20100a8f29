# Which version of the firmware starts, and what is done when it does not. A board always ends
# either streaming or at the REPL, with the reason in one line.
#
# /firmware/slot says which version: "a" runs a; "ab" tries b for the first time, and "abx"
# there at the next start says that b has not settled, so a runs again. main.py takes this
# file from the version that is known to run. Starts are counted before they are made, so that
# one that hangs counts too: where two in a row have not settled, the third ends at the REPL.
# settled.py says that one has.
#
# Nothing of this stays in memory while the firmware runs: what has something to tell imports
# it for that. Where there is no /firmware, what lies beside main.py runs.
import gc
import micropython
import os
import sys

from micropython import const
from ossicle.modules import drop

ROOT = ""  # before each path; tests have a folder
LOG = "/ossicle.log"
SLOT = "/firmware/slot"
STARTS = "/ossicle.failed"
_START_MS = const(60000)  # for a start, which compiles the sources where they are no .mpy


# What is longer was not written here.
def read(path):
    try:
        with open(ROOT + path) as file:
            return file.read(2048).strip()
    except (OSError, ValueError):
        return ""


# Whole or not at all, wherever it is cut off.
def write(path, text):
    try:
        with open(ROOT + path + ".new", "w") as file:
            file.write(text)
        os.rename(ROOT + path + ".new", ROOT + path)
        return True
    except OSError:  # no room, or a file system that cannot be written
        return False


# One line for the user and for the log, at most 120 characters. The log has 2 KB; what is
# among its last lines is not told again, so that no fault wears the flash out.
def tell(text):
    text = text.replace("\r", " ").replace("\n", " ")[:120]
    print("ossicle:", text)
    lines = read(LOG).split("\n")
    if text in lines[-8:]:
        return
    lines.append(text)
    while len("\n".join(lines).encode()) >= 2047:
        lines.pop(0)
    write(LOG, "\n".join(lines).strip() + "\n")


def there(path):
    try:
        os.stat(ROOT + path)
        return True
    except OSError:
        return False


# The folder of the version to start, "" where there is none. A trial begins, or has failed.
def choose():
    state = read(SLOT)
    if len(state) == 3:
        write(SLOT, state[0])
        write(STARTS, "0")
        tell("version %s did not settle: %s runs again" % (state[1], state[0]))
    elif len(state) == 2 and write(SLOT, state + "x"):
        write(STARTS, "0")
        state = state[1]
    for name in (state[:1], "a", "b"):
        if name and there("/firmware/" + name + "/manifest.json"):
            return "/firmware/" + name
    return ""


# Counts this start; whether it may be made.
def count():
    import machine

    cause = machine.reset_cause()
    if cause == machine.WDT_RESET:
        tell("the watchdog has restarted the board: the firmware hung")
    starts = read(STARTS)
    starts = int(starts) if starts.isdigit() and cause != machine.PWRON_RESET else 0
    if starts < 2:
        write(STARTS, str(starts + 1))
        return True
    write(STARTS, "0")
    why = read(LOG).split("\n")[-1]
    tell("two starts in a row have failed; reset to try again. The last: " + (why or "no reason known"))
    return False


# As count(). Ctrl-C is off until the board's parts are there (main.py), so that what hangs is ended
# by the watchdog alone.
def guarded():
    import machine

    if count():
        machine.WDT(timeout=_START_MS)
        return True
    micropython.kbd_intr(3)
    return False


# The user wants the REPL before the start has settled: it is none that failed, and a trial
# comes again.
def ended():
    state = read(SLOT)
    if len(state) == 3:
        write(SLOT, state[:2])
    write(STARTS, "0")


# The start has failed, or what came after it: once more, if two in a row have not failed.
def failed(error):
    if sys.platform != "esp32":
        raise error
    import machine

    sys.print_exception(error)
    tell("%s: %s" % (type(error).__name__, error))
    machine.reset()


# The app, None where there is none to be run. What stays is packed closely: the ring that comes
# next wants one piece. `found` is where main.py found this module.
def load(found=""):
    drop("ossicle.loader")
    gc.collect()
    gc.threshold(2048)
    if sys.platform == "esp32":
        folder = choose()
        if not guarded():
            return None
        if folder and folder != found:
            enter(folder)
    try:
        from ossicle import boot

        drop("ossicle.boot")
        return boot.start(tell)
    except KeyboardInterrupt:
        ended()
    except Exception as error:
        failed(error)


# From here on imports find the version there.
def enter(folder):
    sys.path[0] = ROOT + folder
    for name in list(sys.modules):
        if name.split(".")[0] in ("ossicle", "boards"):
            del sys.modules[name]
