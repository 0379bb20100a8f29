# The emulated board: MicroPython's unix port, with shims for `machine` beside
# this file (boards/unix_shims). What the shims have and the chip has not is
# used here and nowhere else.
#
# When the app returns the chip is at its REPL. Here the process writes what a
# terminal would then show, and ends with code 0: a raw REPL is not emulated.

import gc
import sys
import time

from emulation import clock, flat_out, settings
from micropython import const

from boards.heap import claim
from ossicle import config

# The ring comes before all that is only the emulation's, as it comes first on the chip.
_config = config.read(settings["config"])
_storage = claim(_config.ring_samples)

import machine  # noqa: E402
from record import HEAP, Record  # noqa: E402

from boards.microphone import I2SMicrophone  # noqa: E402
from boards.uart import UartPort, flow  # noqa: E402

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_DEFAULT_BAUD = const(115200)
_RX_BYTES = const(512)
_TX_BYTES = const(4096)  # as on the chip
_LIFELINE_MS = const(10)
_LEAVE_MS = const(300)  # the line hangs up with the process, and what was not read is lost
_BANNER = (
    b"\r\nMicroPython %d.%d on linux; the emulated board of Ossicle\r\n>>> " % sys.implementation.version[:2]
)


class Microphone(I2SMicrophone):
    # A recording instead of a microphone: each stream starts at its first
    # frame, it ends, and flat out it waits for the host (W-28).

    def __init__(self, config):
        super().__init__(0, config.sck, config.ws, config.sd, settings["ibuf"], settings["i2s_skip"])
        self.stale_frames = 0
        self._handled = 0  # frames that the handler has taken; callback
        self._dropped = 0  # frames that DMA has dropped, and that W has a hole for; callback
        self._filled = 0  # frames of the buffer that the handler was told of last; callback

    def start(self, rate, channels, handler):
        self.close()
        self.ended = False
        self._handled = 0
        self._dropped = 0
        self._filled = 0
        return super().start(rate, channels, handler)

    def stop(self):
        self.close()

    # The handler takes a buffer when it hands out the next one. Told of a buffer it may be
    # twice: by its watchdog, and by a callback that came late.
    def arm(self, buf):
        self._handled += self._filled
        self._filled = 0
        self._i2s.readinto(buf)

    def filled(self):
        self.ended = self._i2s.ended
        self._filled = self._i2s.filled()
        self._dropped = self._i2s.dropped_frames
        return self._filled

    # Flat out: no more than until W is a ring's capacity ahead of `position` (W-28).
    def acknowledged(self, position):
        if not flat_out or self._i2s is None:
            return
        handled = self._handled + self._dropped  # before W: a callback between them makes the limit lower
        ahead = (self.ring.written - position) & _MASK
        if ahead >= _HALF:  # settled beyond W, to the end of a hole
            ahead = 0
        if ahead > self.ring.capacity:  # a long hole has pushed out what was before it: nothing waits there
            ahead = (self.ring.written - self.ring.read_position) & _MASK
            if ahead >= _HALF:
                ahead = 0
        self._i2s.allow(handled + self.ring.capacity - ahead, handled if ahead < self.ring.guard else -1)


class Clock:
    # Capture time may be virtual; the link's never is.

    def __init__(self):
        self.uart = None  # where there is one: it moves its bytes when it is looked at
        self._lifeline = open(settings["lifeline"], "rb", buffering=0) if settings["lifeline"] >= 0 else None
        self._byte = bytearray(1)
        self._record = Record()
        self._looked_ms = time.ticks_ms() & _MASK

    def capture_us(self):
        return clock.us()

    def ms(self):
        return time.ticks_ms() & _MASK

    # Also where the process ends when the one that started it is gone: then the lifeline is at its end.
    # A byte from there asks for the heap.
    def idle(self):
        now_ms = self.ms()
        if self._lifeline is not None and (now_ms - self._looked_ms) & _MASK >= _LIFELINE_MS:
            self._looked_ms = now_ms
            came = self._lifeline.readinto(self._byte)
            if came == 0:
                sys.exit(0)
            if came:
                gc.collect()
                self._record.write(HEAP, gc.mem_alloc(), time.ticks_us(), 0)
        if self.uart is not None:
            self.uart.any()
        time.sleep_us(200 if flat_out else 1000)


class Board:
    name = "emulator"
    counted = False  # the machine's files are not the board's
    dog = None

    def __init__(self):
        self.config = _config
        self.storage = _storage
        self.clock = Clock()
        self.mic = self._microphone()
        self.device = self.config.device or machine.unique_id().hex()
        self._uart = None
        self._wifi = None
        self.port = self._serial() if self.config.link == "serial" else self._network()
        print("ossicle: the board is up")

    # The pattern has a pace of its own, also where the emulated I2S runs flat out.
    def _microphone(self):
        if self.config.mic != "pattern":
            return Microphone(self.config)
        from boards.pattern import PatternMicrophone

        self.clock.capture_us = lambda: time.ticks_us() & _MASK
        return PatternMicrophone(self.clock, self.config)

    def _serial(self):
        c = self.config
        wires = flow(machine.UART, c.uart_rts, c.uart_cts)
        uart = machine.UART(
            c.uart,
            baudrate=_DEFAULT_BAUD,
            tx=c.uart_tx,
            rx=c.uart_rx,
            rxbuf=_RX_BYTES,
            txbuf=_TX_BYTES,
            timeout_char=2,
            **wires,
        )
        self._uart = self.clock.uart = uart
        return UartPort(uart, _DEFAULT_BAUD, c.max_baud, paced=settings["pace"], flow=wires)

    def _network(self):
        from boards.net import SocketPort
        from boards.wifi import Wifi

        self._wifi = Wifi(self.config.ssid, self.config.password, self._tell)
        self._wifi.start()
        return SocketPort(self.config.host, self.config.port, self.config.link == "ws", self._wifi)

    def _tell(self, text):
        self.config.note(text)

    # What only this kind of board knows of itself, for HELLO (W-18).
    def tell(self, fields):
        if self._wifi is not None:
            fields["power_save"] = self._wifi.saves_power()

    @staticmethod
    def calm():
        pass

    def settle(self):
        pass

    def shrink(self):
        return False

    # W-33: the chip would be at its REPL.
    def leave(self, link):
        self.mic.close()
        if self._uart is not None:
            self._uart.leave(_BANNER)
            time.sleep_ms(_LEAVE_MS)
