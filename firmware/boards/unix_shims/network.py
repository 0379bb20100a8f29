# network.WLAN for the emulated board: the machine's own network, with planned outages in
# which nothing goes in or out. As on the chip with reconnects=0, whoever was thrown out has
# to join again.

import utime
from micropython import const

from emulation import settings

STA_IF = const(0)
AP_IF = const(1)
STAT_IDLE = const(1000)
STAT_CONNECTING = const(1001)
STAT_GOT_IP = const(1010)
STAT_NO_AP_FOUND = const(201)
STAT_WRONG_PASSWORD = const(202)
STAT_BEACON_TIMEOUT = const(200)
STAT_ASSOC_FAIL = const(203)
STAT_HANDSHAKE_TIMEOUT = const(204)

_outages = settings["wifi_outages"]
_start_ms = utime.ticks_ms()
_held = []  # sockets that were closed in an outage: the other side hears of it after
_over = [0]  # outages that are over; a list, so that looking allocates nothing


def out():
    # Whether an outage is in force.
    i = _over[0]
    if i >= len(_outages):
        return False
    at_ms, for_ms = _outages[i]
    gone_ms = utime.ticks_diff(utime.ticks_ms(), _start_ms) - at_ms
    if gone_ms < 0:
        return False
    if gone_ms < for_ms:
        return True
    _over[0] = i + 1
    while _held:
        _held.pop().close()
    return False


def hold(socket):
    _held.append(socket)


class WLAN:
    PM_NONE = const(0)
    PM_PERFORMANCE = const(1)
    PM_POWERSAVE = const(2)

    def __init__(self, interface=STA_IF):
        self._joined = False
        self._status = STAT_IDLE

    def active(self, on=None):
        return True

    def config(self, **ignored):
        pass

    def connect(self, ssid=None, key=None):
        if out():
            self._status = STAT_NO_AP_FOUND
        else:
            self._joined = True
            self._status = STAT_GOT_IP

    def disconnect(self):
        self._joined = False
        self._status = STAT_IDLE

    def isconnected(self):
        if self._joined and out():
            self._joined = False
            self._status = STAT_BEACON_TIMEOUT
        return self._joined

    def status(self, what=None):
        return settings["wifi_rssi"] if what == "rssi" else self._status
