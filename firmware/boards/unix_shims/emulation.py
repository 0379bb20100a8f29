# The settings of one emulated board, read from the JSON file that the host
# wrote, and the clock that the emulated microphone drives.

import json
import os
import utime
import vfs
from array import array
from micropython import const

_MASK = const(0x3FFFFFFF)

# Positions in Clock.marks
_CAPTURE = const(0)  # capture time of the last DMA buffer, us, mod 2**30
_REAL = const(1)  # real time at which it was due, us

_DEFAULTS = {
    "slots": "",  # raw little-endian int32 slots, channels interleaved
    "pattern": [],  # [frames, key]: the source is the pattern instead
    "record": -1,  # a descriptor for what was captured, and when; see record.py
    "rate": 16000,  # of the slots
    "endless": False,  # it begins again at its end, and comes at whatever rate is asked for
    "true_rate": 0,  # at which they come, where a clock is divided wrongly; 0: at their rate
    "channels": 1,  # of the slots
    "speed": "realtime",  # or "max": flat out
    "fd": -1,  # the pty's master
    "pace": True,  # hold the link to its baud rate, and garble at the wrong one
    "ibuf": 40960,
    "stalls": [],  # [[at_frame, frames], ...]: the firmware is held up for so long
    "i2s_skip": False,  # idf 5.5.2 and later: reading skips what is old when DMA is nearly full
    "i2s_missing": False,  # a build without machine.I2S
    "i2s_failures": 0,  # so many I2S cannot be made for want of memory
    "lost_requests": [],  # readinto() that are dropped and return their length, by number
    "lost_callbacks": [],  # callbacks that are lost, by number, as when the scheduler's queue is full
    "storms": [],  # [[callback, ms], ...]: another callback runs for so long, and the scheduler fills up
    "scheduler_depth": 8,  # as on the chip
    "lifeline": -1,  # a descriptor; when it is at its end, so is the board
    "wifi_outages": [],  # [[at_ms, ms], ...] since the board is up: nothing passes for so long
    "wifi_beacon_ms": 6000,  # an outage of more throws the station out
    "wifi_try_ms": 500,  # between two tries of the driver to join; the chip takes some 2 s
    "wifi_rssi": -55,
    "wifi_power_save": False,  # the driver does not take PM_NONE
    "wifi_failures": 0,  # so many times the Wi-Fi cannot be started for want of memory
    "socket_enomem": 0,  # each so many writes the network has no memory; 0: never
    "socket_full": [],  # [[at_ms, ms], ...] since the board is up: no write finds memory for so long
    "socket_mailbox": 0,  # datagrams that wait unread, more are lost: 6 on the chip; 0: any number
    "held_up": [],  # [[at_ms, ms], ...] since the board is up: its loop does not get to run for so long
    "uart0_mirror": False,  # of the emulated chip: what goes to USB goes to UART0, too, at its speed
    "device": "",
    "config": {},
}


def _load():
    settings = dict(_DEFAULTS)
    path = os.getenv("OSSICLE_EMULATOR")
    if path:
        with open(path) as file:
            settings.update(json.load(file))
    return settings


settings = _load()
disk = vfs.VfsPosix()  # the machine's own files, wherever the firmware's are
flat_out = settings["speed"] == "max"
_start_ms = utime.ticks_ms()


class Plan:
    # Stretches of time, [[at_ms, ms], ...] since the board is up. Looking allocates nothing.
    def __init__(self, stretches):
        self._stretches = stretches
        self.over = 0  # how many are

    # For how long one has been in force, -1 when none is.
    def since(self):
        if self.over >= len(self._stretches):
            return -1
        at_ms, for_ms = self._stretches[self.over]
        gone_ms = utime.ticks_diff(utime.ticks_ms(), _start_ms) - at_ms
        if gone_ms < for_ms:
            return max(gone_ms, -1)
        self.over += 1
        return -1


class Clock:
    # Capture time. In real time it is the machine's clock, less the time by
    # which the emulator itself was held up; flat out it is the time of the
    # frames that the DMA has captured.
    # The interrupt thread writes the pair of marks that is not in use, and
    # then turns `which`, so that the firmware reads a pair that belongs together.

    def __init__(self):
        self.marks = (array("i", (0, 0)), array("i", (0, utime.ticks_us() & _MASK)))
        self.which = 1  # index of the pair in use; written by the interrupt thread
        self.limit_us = -1  # how far the clock may run past the mark; -1: without limit
        self.stalled = False  # a planned stall is in force; written by the interrupt thread

    # Waits while a planned stall is in force: the firmware is held up then, and must not see time pass.
    def us(self):
        while self.stalled:
            utime.sleep_us(100)
        pair = self.marks[self.which]
        if flat_out:
            return pair[_CAPTURE]
        gone_us = (utime.ticks_us() - pair[_REAL]) & _MASK
        if 0 <= self.limit_us < gone_us:
            gone_us = self.limit_us
        return (pair[_CAPTURE] + gone_us) & _MASK

    def mark(self, capture_us, real_us):
        which = 1 - self.which
        pair = self.marks[which]
        pair[_CAPTURE] = capture_us & _MASK
        pair[_REAL] = real_us & _MASK
        self.which = which


clock = Clock()
