# The firmware of an ESP32, with its own board file, on a `machine` that is hardly there: how
# much of the heap is left while it streams?
#
#   memory_run.py PACKETS CONFIG
#
# The host is whoever started it, and has a line for each thing that is asked for: "? hello",
# "? HEX" for what the device sent that is no audio, and "? next" when so many packets of audio
# have come. A line is answered by what the host says, in hex, "-" for nothing, or "end". Prints
# "= name value" too: what the heap held before the firmware was imported, the length of each
# stream's packets on the link with what was free after a collection in the middle of it, and the
# ring's bytes.
import gc
import json
import sys
import time
from binascii import hexlify, unhexlify

PACKETS = int(sys.argv[1])


class I2S:
    RX = MONO = STEREO = 0
    made = None  # the one there is
    out = None  # the buffer that waits for audio

    def __init__(self, i2s_id, **settings):
        I2S.made = self

    def irq(self, handler):
        self.handler = handler

    def readinto(self, buf):
        self.out = buf

    def deinit(self):
        pass

    def deliver(self):
        if self.out:
            self.out[-1] = 0  # over the sentinel
            self.handler(self)


# The other end. A buffer of audio comes whenever the firmware listens.
class Host:
    def __init__(self):
        self.waits = "hello"  # what is to be asked
        self.sent = None  # the device's last packet that was no audio, in its own buffer
        self.start = self.stop = 0
        self.asked_ms = time.ticks_ms()
        self.packets = 0  # of audio
        self.length = 0  # of the last one

    # Memory cannot be had while the device writes.
    def take(self, buf, off, n):
        if n > 1000:
            self.packets += 1
            self.length = n
        else:
            self.sent = buf
            self.start = off
            self.stop = off + n
        return n

    # What the host says now, b"" for nothing, None when it is over.
    def listen(self):
        I2S.made.deliver()
        if time.ticks_diff(time.ticks_ms(), self.asked_ms) > 20000:
            sys.exit("no stream comes")
        if self.packets >= PACKETS:
            self.packets = 0
            gc.collect()
            print("= stream", self.length, gc.mem_free())
            self.waits = "next"
        elif self.sent is not None and not self.waits:
            self.waits = hexlify(self.sent[self.start : self.stop]).decode()
            self.sent = None
        if not self.waits:
            return b""
        print("?", self.waits)
        self.waits = ""
        self.asked_ms = time.ticks_ms()
        said = sys.stdin.readline().strip()
        return None if said == "end" else b"" if said == "-" else unhexlify(said)


host = Host()


class UART:
    def __init__(self, uart_id, **settings):
        self.waiting = b""

    def init(self, baudrate, timeout_char):
        pass

    def any(self):
        if not self.waiting:
            said = host.listen()
            self.waiting = b"\x00\x0d\x03" if said is None else said
        return len(self.waiting)

    def readinto(self, buf, n):
        buf[:n] = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return n

    def write(self, buf, off, n):
        return host.take(buf, off, n)

    def read(self, n=-1):
        return None

    def txdone(self):
        return True

    def deinit(self):
        pass


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class Machine:
    I2S = I2S
    WDT = WDT
    PWRON_RESET = HARD_RESET = WDT_RESET = DEEPSLEEP_RESET = SOFT_RESET = 1
    UART = UART
    Pin = int
    mem32 = {0x3FF49088: 0, 0x3FF49084: 0}
    reset = None

    def reset_cause():
        return 1

    def unique_id():
        return b"\x01\x02\x03\x04\x05\x06"


class Wlan:
    PM_NONE = 0

    def __init__(self, interface):
        pass

    def active(self, on):
        pass

    def config(self, what=None, **settings):
        return 0

    def connect(self, ssid, password):
        pass

    def isconnected(self):
        return True

    def status(self, what=None):
        return -60

    def disconnect(self):
        pass


class Network:
    STA_IF = 0
    WLAN = Wlan


config = json.loads(sys.argv[2])
sys.modules["machine"] = Machine
sys.modules["network"] = Network
if config.get("link"):
    import memory_socket

    memory_socket.start(host)
gc.collect()
print("= before", gc.mem_alloc())

import ossicle.config  # noqa: E402

ossicle.config.load = lambda: ossicle.config.read(config)

from boards.esp32 import Board  # noqa: E402
from ossicle import boot  # noqa: E402


class Seen(Board):
    counted = False  # a failure is the test's, not counted in a file

    def leave(self, link):
        super().leave(link)
        print("= ring", len(self.storage))


boot.start(None, Seen).live()
