# network.WLAN for the emulated board: the machine's own network, with planned outages in
# which nothing goes in or out. As on the chip a short one is not noticed, a long one throws
# the station out, and the driver then tries to join a few times.

import utime
from micropython import const

from emulation import Plan, settings
from record import WIFI_FAILED, Tally

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

_outages = Plan(settings["wifi_outages"])
_beacon_ms = settings["wifi_beacon_ms"]
_try_ms = settings["wifi_try_ms"]
_held = []  # sockets that were closed in an outage: the other side hears of it after
_failed = Tally(WIFI_FAILED)


# For how long an outage has been in force, -1 when there is none.
def out_ms():
    gone_ms = _outages.since()
    if gone_ms < 0:
        while _held:
            _held.pop().close()
    return gone_ms


def hold(socket):
    _held.append(socket)


class WLAN:
    PM_NONE = const(0)
    PM_PERFORMANCE = const(1)
    PM_POWERSAVE = const(2)

    # The driver is started here, with memory of its own; builds differ in what they say.
    def __init__(self, interface=STA_IF):
        if _failed.count < settings["wifi_failures"]:
            _failed.strike()
            if _failed.count % 2:
                raise OSError("WiFi Out of Memory")
            raise RuntimeError("Wifi Unknown Error 0x0101")
        self._joined = False
        self._status = STAT_IDLE
        self._reconnects = -1
        self._pm = self.PM_PERFORMANCE
        self._tries = 0  # left to the driver; -1: any number
        self._tried_ms = 0

    def active(self, on=None):
        return True

    def config(self, what=None, reconnects=None, pm=None):
        if reconnects is not None:
            self._reconnects = reconnects
        if pm is not None and not settings["wifi_power_save"]:
            self._pm = pm
        return self._pm if what == "pm" else None

    def connect(self, ssid=None, key=None):
        if self._tries:
            raise OSError("Wifi Internal Error")
        self._tries = -1 if self._reconnects < 0 else self._reconnects + 1
        self._try()

    def disconnect(self):
        self._joined = False
        self._tries = 0
        self._status = STAT_IDLE

    def isconnected(self):
        if self._joined and out_ms() >= _beacon_ms:
            self._joined = False
            self._status = STAT_BEACON_TIMEOUT
            self._tries = self._reconnects
            self._tried_ms = utime.ticks_ms()
        if self._tries and utime.ticks_diff(utime.ticks_ms(), self._tried_ms) >= _try_ms:
            self._try()
        return self._joined

    def _try(self):
        self._tried_ms = utime.ticks_ms()
        if out_ms() < 0:
            self._joined = True
            self._tries = 0
            self._status = STAT_GOT_IP
            return
        self._status = STAT_NO_AP_FOUND
        if self._tries > 0:
            self._tries -= 1

    def status(self, what=None):
        return settings["wifi_rssi"] if what == "rssi" else self._status
