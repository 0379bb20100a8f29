# An ESP32 with an I2S microphone, on the serial port of its USB bridge or on Wi-Fi.
#
# The order in which memory is taken is what makes it fit, so it is the order of this
# file: configuration (small), the ring, I2S with its DMA, Wi-Fi, then the rest. Measured on
# ESP32_GENERIC images in an emulator of the chip: a ring of 67,584 bytes and ibuf=40960
# fit when nothing else came before them; beside Wi-Fi ibuf=20480 does, and 40960 does not.
# Without PSRAM the whole ring and a sealed stream do not fit beside Wi-Fi: there the ring is
# a smaller one, unless the configuration says more. Where that was too much, and the start
# failed, it is a quarter smaller the next time.
#
# On Wi-Fi the REPL keeps its serial port, and Ctrl-C there ends the streaming: so mpremote
# comes in as ever (W-33 is for the line that both would share).
import gc
import io
import os
import time

import machine
import micropython
from micropython import const

from boards.heap import claim
from ossicle import boot
from ossicle._wire import DEFAULT_BAUD, DEFAULT_CHANNELS, DEFAULT_RATE
from ossicle.modules import drop

_MASK = const(0x3FFFFFFF)
_TXBUF_BYTES = const(4096)
_RXBUF_BYTES = const(1024)
_SMALL_HEAP_BYTES = const(262144)  # 164 K without PSRAM; with it there are megabytes
_SAMPLES_BESIDE_WIFI = const(26624)
_IO_MUX = {1: 0x3FF49088, 3: 0x3FF49084}  # of the ESP32's U0TXD and U0RXD pins


class Clock:
    # Capture and link have one clock here.
    def capture_us(self):
        return time.ticks_us() & _MASK

    def ms(self):
        return time.ticks_ms() & _MASK

    def idle(self):
        time.sleep_ms(1)


class Board:
    name = "esp32"
    failures = "/ossicle.failed"
    reset = staticmethod(machine.reset)

    def __init__(self):
        from ossicle import config

        self.config = config.load()
        drop("ossicle.config")
        self.storage = claim(self._samples())
        if len(self.storage) < 2 * self.config.ring_samples:
            self.config.note("no room for the whole ring: %d samples" % (len(self.storage) // 2))
        self.clock = Clock()
        self.mic = self._microphone()
        self._uart = None
        self._wifi = None if self.config.link == "serial" else self._join()
        self.port = self._serial() if self._wifi is None else self._network()
        self.device = self.config.device or "".join("%02x" % b for b in machine.unique_id())

    # Of the ring.
    def _samples(self):
        c = self.config
        samples = c.ring_samples
        if c.link != "serial" and not c.has_ring and gc.mem_free() < _SMALL_HEAP_BYTES:
            samples = min(samples, _SAMPLES_BESIDE_WIFI)
        if self.failures and boot.read(self.failures):
            samples = samples * 3 // 4
            c.note("the start before failed: a ring of %d samples" % samples)
        return samples

    # DMA memory is had now or never: where it is short, half of it is asked for, once.
    def _microphone(self, less=1):
        c = self.config
        if c.mic == "pattern":
            from boards.pattern import PatternMicrophone

            return PatternMicrophone(self.clock, c)
        from boards.microphone import I2SMicrophone

        for ibuf in (c.ibuf // less, c.ibuf // less // 2):
            mic = I2SMicrophone(c.i2s, c.sck, c.ws, c.sd, ibuf)
            try:
                mic.open(DEFAULT_RATE, 2 if c.slot == "right" else DEFAULT_CHANNELS)
                return mic
            except OSError as error:
                c.note("I2S with ibuf %d: %s" % (ibuf, error))
        return mic  # START tries again, and is refused with the reason

    # The Wi-Fi, or None: then it is the serial line, where the notes can be read. Memory that
    # it lacks may be the microphone's, which then gets half of it.
    def _join(self):
        from boards.wifi import Wifi

        c = self.config
        if not c.ssid:
            c.refuse_link("there is no ssid in the configuration")
            return None
        wifi = Wifi(c.ssid, c.password, self._tell)
        why = _start(wifi)
        if why:
            c.note("Wi-Fi beside ibuf %d: %s" % (c.ibuf, why))
            self.mic.close()
            why = _start(wifi)
            self.mic = self._microphone(less=2)
        if why:
            c.refuse_link("Wi-Fi does not start: " + why)
            return None
        return wifi

    def _tell(self, text):
        print("ossicle:", text)
        self.config.note(text)

    def _network(self):
        from boards.net import SocketPort

        c = self.config
        return SocketPort(c.host, c.port, c.link == "ws", self._wifi)

    # UART0 is the REPL's and cannot be had (ESP_ERR_INVALID_STATE), but its pins can: UART1
    # takes them over. That the bytes come out there is inferred, not seen on a board.
    def _serial(self):
        from boards.uart import UartPort, flow

        c = self.config
        wires = flow(machine.UART, c.uart_rts, c.uart_cts)
        micropython.kbd_intr(-1)  # the host's packets may hold a 03, should UART0 hear it
        self._uart = machine.UART(
            c.uart,
            baudrate=DEFAULT_BAUD,
            tx=c.uart_tx,
            rx=c.uart_rx,
            txbuf=_TXBUF_BYTES,
            rxbuf=_RXBUF_BYTES,
            timeout=0,
            timeout_char=2,  # less, and every byte is an interrupt
            **wires,
        )
        return UartPort(self._uart, DEFAULT_BAUD, c.max_baud, flow=wires)

    # Back to the REPL, at its speed and on its pins. UART1's deinit() leaves the pins with
    # the GPIO matrix, where UART0 does not see them; their first function is UART0 again.
    # What came behind 0D 03 is the REPL's. Read in the sources, not seen on a board.
    def leave(self, link):
        self.mic.close()
        if self._wifi is not None:
            link.close()
            self._wifi.stop()
            return
        link.speed(DEFAULT_BAUD)
        self._uart.deinit()
        for pin in (self.config.uart_tx, self.config.uart_rx):
            register = _IO_MUX.get(pin)
            if register:
                machine.mem32[register] = machine.mem32[register] & ~(7 << 12)
        micropython.kbd_intr(3)
        hand_over(link.rest_bytes, link.rest)


# Why it does not, "" when it does.
def _start(wifi):
    try:
        wifi.start()
        return ""
    except OSError as error:
        return str(error)


# Bytes that the REPL reads next, through a terminal that is there for a moment.
def hand_over(data, n):
    rest = _Rest(data, n)
    try:
        old = os.dupterm(rest)
        os.dupterm_notify(None)
        os.dupterm(old)
    except (AttributeError, OSError):  # a build without it: mpremote must be started again
        pass


class _Rest(io.IOBase):
    def __init__(self, data, n):
        self._data = data
        self._n = n
        self._at = 0

    def readinto(self, buf):
        if self._at == self._n:
            return None
        buf[0] = self._data[self._at]
        self._at += 1
        return 1

    def write(self, buf):
        return len(buf)
