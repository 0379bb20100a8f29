# An ESP32 with an I2S microphone, on the serial port of its USB bridge, on its own USB or on Wi-Fi.
#
# The order in which memory is taken is what makes it fit, so it is the order of this
# file: configuration (small), the ring, I2S with its DMA, Wi-Fi, then the rest. Measured on
# ESP32_GENERIC images in an emulator of the chip: a ring of 67,584 bytes and ibuf=40960
# fit when nothing else came before them; beside Wi-Fi ibuf=20480 does, and 40960 does not.
# Where something that comes after the ring finds no memory, the ring is halved, down to half
# a second, and HELLO and the log tell it. What a ring gives back is IDF's again where it was a
# region of its own (inferred from MicroPython's collector).
#
# On Wi-Fi the REPL keeps its serial port, and Ctrl-C there ends the streaming: so mpremote
# comes in as ever (W-33 is for the line that both would share).
import gc
import sys
import time

import machine
import micropython
from micropython import const

from boards.heap import LEAST
from ossicle._wire import DEFAULT_BAUD, DEFAULT_CHANNELS, DEFAULT_RATE
from ossicle.modules import drop
from ossicle.rare import rare

_MASK = const(0x3FFFFFFF)
_TXBUF_BYTES = const(4096)
_RXBUF_BYTES = const(1024)
_SMALL_HEAP_BYTES = const(262144)  # 164 K without PSRAM; with it there are megabytes
_SAMPLES_BESIDE_WIFI = const(28672)
_START_MS = const(60000)  # for a start, which compiles the sources where they are no .mpy
_LOOKUP_S = const(30)  # in which a name is looked up, at the longest: nothing else runs meanwhile
_QUIET_MS = const(50)  # a USB bridge holds bytes back for 16 ms at the most
_REST_BYTES = const(256)  # as many as the REPL's input takes
_FOREVER_MS = const(0x3FFFFFFF)  # 12 days: a watchdog of this chip cannot be ended
_IO_MUX = {1: 0x3FF49088, 3: 0x3FF49084}  # of the ESP32's U0TXD and U0RXD pins


def console():
    from boards import console

    drop("boards.console")
    return console


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
    counted = True
    dog = None  # the watchdog; the class's, as the chip has one

    @rare("init")
    def __init__(self):
        from ossicle import config

        self.config = config.load()
        drop("ossicle.config")
        self._guard(_START_MS)
        if self.config.link != "serial":
            console().heed(False)
        self.storage = self._claim(self._samples())
        if len(self.storage) < 2 * self.config.ring_samples:
            self._tell_ring()
        self.clock = Clock()
        self.mic = None
        self._microphone()
        self._uart = None
        self._shared = False  # it has the REPL's pins
        self._wifi = None if self.config.link == "serial" else self._join()
        self.port = self._serial() if self._wifi is None else self._network()
        self.device = self.config.device or "".join("%02x" % b for b in machine.unique_id())

    @rare("init")
    def _claim(self, samples):
        from boards.heap import claim

        drop("boards.heap")
        return claim(samples)

    # Of the ring.
    @rare("init")
    def _samples(self):
        c = self.config
        if c.link != "serial" and not c.has_ring and gc.mem_free() < _SMALL_HEAP_BYTES:
            c.ring_samples = min(c.ring_samples, _SAMPLES_BESIDE_WIFI)
        return c.ring_samples

    @rare("init")
    def _tell_ring(self):
        c = self.config
        c.notes = [each for each in c.notes if "whole ring" not in each]  # the last counts
        c.note("no room for the whole ring: %d samples" % (len(self.storage) >> 1))

    # Half the ring, for what found no memory beside it; False where it is as short as it may be.
    # Nothing may be in it yet.
    @rare("init")
    def shrink(self):
        samples = len(self.storage) >> 1
        if samples <= LEAST:
            return False
        self.storage = None
        if self.mic is not None:
            self.mic.ring = None
        self.storage = self._claim(max(samples >> 1, LEAST))
        self._tell_ring()
        return True

    # -- the watchdog ------------------------------------------------------------------

    # It can be given another time, but neither be ended nor lost by a soft reset
    # (ports/esp32/machine_wdt.c): so it has to be made patient before the REPL comes.
    @rare("init")
    def _guard(self, ms):
        if self.config.watchdog_s:
            Board.dog = machine.WDT(timeout=ms)

    # The app is there: from here on it is fed.
    @rare("init")
    def watch(self):
        c = self.config
        seconds = c.watchdog_s
        if self._wifi is not None and not all(x in "0123456789." for x in c.host):
            seconds = max(seconds, _LOOKUP_S)
        if not c.watchdog_s:
            Board.dog = machine.WDT(timeout=_FOREVER_MS)  # the loader's
            return
        self._guard(1000 * seconds)

    # The REPL comes. Ctrl-C is heard again when it is there.
    @staticmethod
    def calm():
        micropython.kbd_intr(-1)
        machine.WDT(timeout=_FOREVER_MS)

    @rare("leave")
    def settle(self):
        from ossicle import boot

        drop("ossicle.boot")
        boot.settle()

    # What only this kind of board knows of itself, for HELLO (W-18).
    @rare("facts")
    def tell(self, fields):
        m = machine
        causes = (m.PWRON_RESET, m.HARD_RESET, m.WDT_RESET, m.DEEPSLEEP_RESET, m.SOFT_RESET)
        names = "power hard watchdog deepsleep soft".split()  # one text, which is forgotten: hello.py
        name = dict(zip(causes, names)).get(m.reset_cause())
        if name:
            fields["reset"] = name
        if self._wifi is None:
            fields["usb"] = usb_kind(self._uart, sys.implementation._machine)
        else:
            fields["power_save"] = self._wifi.saves_power()

    # -- the parts ---------------------------------------------------------------------

    # DMA memory is had now or never. Where it is short the ring gets shorter, and then ibuf.
    @rare("init")
    def _microphone(self):
        c = self.config
        if c.mic == "pattern":
            from boards.pattern import PatternMicrophone

            self.mic = PatternMicrophone(self.clock, c)
            return self.mic
        from boards.microphone import I2SMicrophone

        ibuf = c.ibuf
        while True:
            self.mic = mic = I2SMicrophone(c.i2s, c.sck, c.ws, c.sd, ibuf)
            try:
                mic.open(DEFAULT_RATE, 2 if c.slot == "right" else DEFAULT_CHANNELS)
                return mic
            except OSError as error:
                c.note("I2S with ibuf %d: %s" % (ibuf, error))
                if not self._is_memory(error):
                    return mic  # START tries again, and is refused with the reason
            if not self.shrink():
                if ibuf < c.ibuf:
                    return mic
                ibuf >>= 1

    # The Wi-Fi, or None: then it is the serial line, where the notes can be read. Memory that
    # it lacks may be the ring's or the microphone's, which then get less of it.
    @rare("init")
    def _join(self):
        from boards.wifi import Wifi

        c = self.config
        if not c.ssid:
            c.refuse_link("there is no ssid in the configuration")
            return None
        wifi = Wifi(c.ssid, c.password, self._tell)
        ibuf = c.ibuf
        why = self._start(wifi)
        more = True
        while more and self._is_memory(why):
            c.note("Wi-Fi beside ibuf %d: %s" % (c.ibuf, why))
            self.mic.close()
            more = self.shrink()
            if not more and c.ibuf == ibuf:
                c.ibuf >>= 1
                more = True
            if more:
                why = self._start(wifi)
            self._microphone()
        if why:
            c.refuse_link("Wi-Fi does not start: " + why)
            return None
        return wifi

    # Why it does not, "" when it does.
    @rare("init")
    def _start(self, wifi):
        try:
            wifi.start()
            return ""
        except OSError as error:
            return str(error)

    # Whether it is for want of memory: ENOMEM, and what Wi-Fi says ("Wifi Unknown Error 0x0101",
    # "WiFi Out of Memory").
    @rare("init")
    def _is_memory(self, why):
        text = str(why)
        return any(x in text for x in ("ENOMEM", "0x0101", "emory", "NO_MEM"))

    # For the user at the serial port, for HELLO, and for the log, while nothing is captured: writing
    # to the flash stops all else.
    @rare("trouble")
    def _tell(self, text):
        self.config.note(text)
        if self.mic.ring is None or self.mic.ring.written == 0:
            from ossicle import loader

            drop("ossicle.loader")
            loader.tell(text)
        else:
            print("ossicle:", text)

    @rare("init")
    def _network(self):
        from boards.net import SocketPort

        c = self.config
        return SocketPort(c.host, c.port, c.link == "ws", self._wifi)

    # UART0 is the REPL's and cannot be had (ESP_ERR_INVALID_STATE), but its pins can: UART1
    # takes them over. That the bytes come out there is inferred, not seen on a board.
    @rare("init")
    def _serial(self):
        c = self.config
        if c.uart == 0:
            from boards import usb

            return usb.take(c)
        from boards.uart import UartPort, flow

        wires = flow(machine.UART, c.uart_rts, c.uart_cts)
        self._shared = hears_repl(sys.implementation._machine, c.uart_rx)
        console().heed(self._shared)
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

    # Back to the REPL, at its speed and on its pins. What came behind 0D 03 is the REPL's.
    # Whatever fails, the REPL can be reached and interrupted.
    @rare("leave")
    def leave(self, link):
        rest = b""
        try:
            self.mic.close()
            if self._wifi is not None:
                link.close()
                self._wifi.stop()
            else:
                rest = bytes(memoryview(link.rest_bytes)[: link.rest]) + self._more()
        finally:
            try:
                if self._uart is not None:
                    self._give_back(link)
            finally:
                micropython.kbd_intr(3)
        if rest:
            console().hand_over(rest, len(rest))

    # UART1's deinit() leaves the pins with the GPIO matrix, where UART0 does not see them; their
    # first function is UART0 again. Read in the sources, not seen on a board.
    @rare("leave")
    def _give_back(self, link):
        try:
            link.speed(DEFAULT_BAUD)
        finally:
            try:
                self._uart.deinit()
            finally:
                if self._shared:
                    console().typed()  # packets, which are no commands
                for pin in (self.config.uart_tx, self.config.uart_rx):
                    register = _IO_MUX.get(pin)
                    if register:
                        machine.mem32[register] = machine.mem32[register] & ~(7 << 12)

    # What mpremote says behind 0D 03 without waiting: until it is quiet, but for no longer than it takes.
    @rare("leave")
    def _more(self):
        data = b""
        piece = bytearray(_REST_BYTES)
        quiet_ms = 0
        while quiet_ms < _QUIET_MS and len(data) < _REST_BYTES:
            n = self.port.read_into(piece)
            if n:
                data += bytes(memoryview(piece)[:n])
                quiet_ms = 0
            else:
                time.sleep_ms(1)
                quiet_ms += 1
        return data


# Whether a pin is the one on which UART0, and so the REPL, hears. On another one Ctrl-C is left to
# the REPL, wherever that is: at a chip's own USB.
@rare("init")
def hears_repl(machine_name, rx):
    pins = {"ESP32": 3, "ESP32S2": 44, "ESP32S3": 44, "ESP32C3": 20, "ESP32C6": 17}
    return pins.get("".join(machine_name.split()[-1].split("-"))[:7], rx) == rx


# What the serial line goes through, as HELLO tells it: a UART is a bridge, whatever it is wired to.
@rare("facts")
def usb_kind(uart, machine_name):
    if uart is not None:
        return "bridge"
    family = "".join(machine_name.split()[-1].split("-"))[5:6]  # ESP32-C3FN4, ESP32S3
    return "otg" if family == "S" else "jtag" if family and family in "CH" else "bridge"
