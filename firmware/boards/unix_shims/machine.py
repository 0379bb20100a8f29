# What the firmware uses of `machine`, on MicroPython's unix port.

import hashlib

from emulation import settings
from i2s import I2S  # noqa: F401
from uart import UART  # noqa: F401


class Pin:
    def __init__(self, id):
        self.id = id


def unique_id():
    # Six bytes, as on the chip; the same for the same name.
    return hashlib.sha256(settings["device"] or "emulator").digest()[:6]
