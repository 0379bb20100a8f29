# `machine` of the emulated chip.

import hashlib

from emulation import settings
from i2s import I2S  # noqa: F401
from soc import (  # noqa: F401
    DEEPSLEEP_RESET,
    HARD_RESET,
    PWRON_RESET,
    RTC,
    SOFT_RESET,
    WDT,
    WDT_RESET,
    Registers,
    Timer,
    deepsleep,
    freq,
    lightsleep,
    reset,
    reset_cause,
    soft_reset,
    wake_reason,
)
from uart import UART  # noqa: F401
from umachine import idle, mem8, mem16, time_pulse_us  # noqa: F401

mem32 = Registers()
if settings["i2s_missing"]:
    del I2S


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if not isinstance(id, int) or not 0 <= id <= settings["pins"]:
            raise ValueError("invalid pin")
        self.id = id
        self._value = value or 0

    def __repr__(self):
        return "Pin(%d)" % self.id

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if value is not None:
            self._value = value

    def value(self, value=None):
        if value is None:
            return self._value
        self._value = 1 if value else 0
        return None

    __call__ = value

    def on(self):
        self._value = 1

    def off(self):
        self._value = 0


# Six bytes; the same for the same name.
def unique_id():
    return hashlib.sha256(settings["device"] or "emulator").digest()[:6]


def disable_irq():
    return 0


def enable_irq(state):
    pass
