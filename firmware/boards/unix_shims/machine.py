# What the firmware uses of `machine`, on MicroPython's unix port.

import hashlib
import sys
import utime

from emulation import settings
from i2s import I2S  # noqa: F401
from uart import UART  # noqa: F401

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


class Pin:
    IN = 1
    OUT = 3

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id


def unique_id():
    # Six bytes, as on the chip; the same for the same name.
    return hashlib.sha256(settings["device"] or "emulator").digest()[:6]


def reset_cause():
    return PWRON_RESET


def reset():
    # The one that started it may start it again.
    sys.exit(70)


def freq(hz=0):
    return 240000000


def idle():
    utime.sleep_us(100)
