# Parts of `machine` of the emulated chip that the supervisor takes part in: resets, the
# watchdog, what the RTC keeps, the registers of pins; and timers.

import _thread
import umachine
import utime
from micropython import const, schedule

import line
from emulation import settings

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)

_RTC_BYTES = const(2048)
_FEED_MS = const(5)  # no more often than this is the supervisor told
_IO_MUX = {0x3FF49088: 1, 0x3FF49084: 3}  # register: pin, of an ESP32's UART0
_FUNCTION = const(0x7000)  # of a pin; 0 is the first one
_FREQUENCIES = (20000000, 40000000, 80000000, 160000000, 240000000)
_frequency = [160000000]


def _u32(n):
    return bytes((n & 255, n >> 8 & 255, n >> 16 & 255, n >> 24 & 255))


# Nothing runs after it: the supervisor ends the process.
def gone(kind, ms=0):
    line.tell(line.RESET, kind + _u32(ms))
    while True:
        try:
            utime.sleep(10)
        except BaseException:
            pass


def reset():
    gone(b"h")


def soft_reset():
    raise SystemExit


def reset_cause():
    return settings["cause"]


def wake_reason():
    return 4 if settings["cause"] == DEEPSLEEP_RESET else 0


def deepsleep(time_ms=0):
    gone(b"d", time_ms)


def lightsleep(time_ms=0):
    utime.sleep_ms(time_ms)


def freq(hz=None):
    if hz is None:
        return _frequency[0]
    if hz not in _FREQUENCIES:
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency[0] = hz
    return None


# Once made it goes on for ever, at the REPL and over soft resets too; making it anew sets
# the time (ports/esp32/machine_wdt.c, since 1.21).
class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        line.tell(line.WATCH, _u32(timeout))
        self._fed_ms = utime.ticks_ms()

    def feed(self):
        now_ms = utime.ticks_ms()
        if utime.ticks_diff(now_ms, self._fed_ms) >= _FEED_MS:
            self._fed_ms = now_ms
            line.feed()


class RTC:
    _kept = [bytes([int(settings["rtc"][i : i + 2], 16) for i in range(0, len(settings["rtc"]), 2)])]
    _off = [settings["rtc_off_s"]]

    def memory(self, data=None):
        if data is None:
            return self._kept[0]
        data = bytes(data)
        if len(data) > _RTC_BYTES:
            raise ValueError("buffer too long")
        self._kept[0] = data
        line.tell(line.KEEP, data)
        return None

    def datetime(self, value=None):
        if value is None:
            t = utime.gmtime(int(utime.time()) + self._off[0])
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)
        year, month, day, _, hour, minute, second, _ = value
        self._off[0] = int(utime.mktime((year, month, day, hour, minute, second, 0, 0)) - utime.time())
        line.tell(line.CLOCK, str(self._off[0]).encode())
        return None

    def init(self, value):
        self.datetime(value)


# Callbacks come through micropython.schedule, as on the chip.
class Timer:
    ONE_SHOT = const(0)
    PERIODIC = const(1)

    def __init__(self, id, **how):
        if not -1 <= id <= 3:
            raise ValueError("invalid Timer number")
        self.id = id
        self._turn = 0  # the thread of an earlier turn ends when it wakes
        if how:
            self.init(**how)

    def init(self, *, mode=PERIODIC, period=-1, callback=None, freq=0, tick_hz=1000, hard=False):
        self.deinit()
        period_us = int(1000000 / freq) if freq else period * 1000000 // tick_hz
        if period_us > 0 and callback is not None:
            _thread.start_new_thread(self._run, (self._turn, mode, period_us, callback))

    def deinit(self):
        self._turn += 1

    def _run(self, turn, mode, period_us, callback):
        due_us = utime.ticks_add(utime.ticks_us(), period_us)
        while self._turn == turn:
            left_us = utime.ticks_diff(due_us, utime.ticks_us())
            if left_us > 0:
                utime.sleep_us(min(left_us, 20000))
                continue
            try:
                schedule(callback, self)
            except RuntimeError:  # its queue is full: lost
                pass
            if mode == Timer.ONE_SHOT:
                return
            due_us = utime.ticks_add(due_us, period_us)


# The registers that choose what a pin is; all other addresses are memory, as mpremote's
# mounted files use it.
class Registers:
    def __getitem__(self, address):
        return 2 << 12 if address in _IO_MUX else umachine.mem32[address]

    def __setitem__(self, address, value):
        if address not in _IO_MUX:
            umachine.mem32[address] = value
        elif not value & _FUNCTION:
            line.tell(line.PIN, bytes((_IO_MUX[address],)))
