# boards/wifi.py over a `network` of fakes, and the ESP32's board file with it: the order in
# which memory is taken, and what happens where there is none. Prints "ok NAME" for each.
import sys


class Wlan:
    PM_NONE = 0
    made = None
    no_memory = 0  # so many active() fail
    why = "WiFi Out of Memory"

    def __init__(self, interface):
        events.append("wlan")
        Wlan.made = self
        self.connected = False
        self.connects = []
        self.settings = {}
        self.state = 1000
        self.busy = False

    def active(self, on):
        if on and Wlan.no_memory:
            Wlan.no_memory -= 1
            raise OSError(Wlan.why)
        events.append("wlan on" if on else "wlan off")

    def config(self, what=None, **settings):
        self.settings.update(settings)
        return self.settings.get(what)

    def connect(self, ssid, password):
        self.connects.append((ssid, password))
        if self.busy:
            raise OSError("Wifi Internal State Error")

    def isconnected(self):
        return self.connected

    def status(self, what=None):
        if what == "rssi":
            if not self.connected:
                raise OSError("Wifi Not Connected")
            return -61
        return self.state


class Network:
    STA_IF = 0
    STAT_NO_AP_FOUND = 201
    STAT_WRONG_PASSWORD = 202
    STAT_BEACON_TIMEOUT = 200
    STAT_ASSOC_FAIL = 203
    STAT_HANDSHAKE_TIMEOUT = 204
    WLAN = Wlan


class I2S:
    RX = MONO = STEREO = 0
    failures = []  # what comes of the next ones, None: it works

    def __init__(self, i2s_id, **settings):
        events.append("i2s %d" % settings["ibuf"])
        error = I2S.failures.pop(0) if I2S.failures else None
        if error:
            raise error

    def irq(self, handler):
        pass

    def readinto(self, buf):
        return len(buf)

    def deinit(self):
        events.append("i2s off")


class UART:
    RTS = 1
    CTS = 2

    def __init__(self, uart_id, **settings):
        self.settings = settings
        events.append("uart")

    def init(self, **settings):
        pass

    def txdone(self):
        return True

    def any(self):
        return 0

    def deinit(self):
        pass


class WDT:
    def __init__(self, timeout):
        events.append("dog %d" % timeout)


class Machine:
    I2S = I2S
    WDT = WDT
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
    UART = UART
    Pin = int
    mem32 = {0x3FF49088: 0x7000, 0x3FF49084: 0x7000}
    reset = None

    def reset_cause():
        return 3

    def unique_id():
        return b"\x01\x02\x03\x04\x05\x06"


class Loader:  # in the module's place, which a board drops
    def tell(text):
        logged.append(text)


events = []
logged = []
sys.modules["machine"] = Machine
sys.modules["network"] = Network

import micropython  # noqa: E402

from boards import esp32  # noqa: E402
from boards.wifi import Wifi  # noqa: E402
import ossicle  # noqa: E402
from ossicle import config  # noqa: E402
from ossicle.app import App  # noqa: E402


class Rig:
    def __init__(self):
        self.told = []
        self.wifi = Wifi("kitchen", "secret", self.told.append)
        self.wifi.start()
        self.wlan = Wlan.made
        self.now_ms = 1000

    def run(self, ms):
        for _ in range(ms):
            self.now_ms += 1
            up = self.wifi.up(self.now_ms)
        return up


# -- the station ---------------------------------------------------------------------------


def case_no_power_save_and_a_few_tries():
    assert Rig().wlan.settings == {"pm": 0, "reconnects": 4}


def case_a_driver_that_saves_power_all_the_same():
    rig = Rig()
    assert not rig.wifi.saves_power()
    rig.wlan.settings["pm"] = 1
    assert rig.wifi.saves_power()


def case_it_joins():
    rig = Rig()
    assert not rig.run(10) and rig.wlan.connects == [("kitchen", "secret")]
    assert rig.wifi.rssi() == 0
    rig.wlan.connected = True
    assert rig.run(25) and rig.wifi.rssi() == -61 and rig.wifi.joined == 1
    assert rig.wifi.news() == "", "the first time is no news"
    assert rig.told == []


# Thrown out: the first attempt is at once, and the log hears of it when it is back.
def case_it_joins_again():
    rig = Rig()
    rig.run(5)
    rig.wlan.connected = True
    rig.run(1000)
    rig.wlan.connected = False
    rig.wlan.state = 200
    assert not rig.run(25) and len(rig.wlan.connects) == 2
    rig.run(500)
    rig.wlan.connected = True
    rig.run(25)
    text = rig.wifi.news()
    assert text.startswith("Wi-Fi was away for 5") and "silent" in text, text
    assert rig.wifi.news() == "" and rig.wifi.joined == 2


# Rounds have their time, and the waits between them grow.
def case_backoff():
    rig = Rig()
    rig.wlan.state = 201
    at = []
    for _ in range(150000):
        n = len(rig.wlan.connects)
        rig.run(1)
        if len(rig.wlan.connects) > n:
            at.append(rig.now_ms)
    gaps = [at[i + 1] - at[i] for i in range(len(at) - 1)]
    assert 15100 <= gaps[0] <= 15200 and gaps == sorted(gaps) and 18900 < gaps[-1] <= 19100, gaps
    assert rig.told == ["Wi-Fi: no access point of this name"] and rig.wifi.failed in (len(at) - 1, len(at))


# It tries by itself when it was thrown out: then connect() raises, and is no trouble.
def case_a_driver_that_is_at_it():
    rig = Rig()
    rig.wlan.busy = True
    rig.run(1000)
    assert rig.told == [] and len(rig.wlan.connects) == 1
    rig.wlan.connected = True
    assert rig.run(25)


def case_looking_allocates_nothing():
    rig = Rig()
    rig.wlan.connected = True
    rig.run(25)
    now_ms = rig.now_ms
    up = rig.wifi.up
    micropython.heap_lock()
    for _ in range(1000):
        now_ms += 1
        up(now_ms)
    micropython.heap_unlock()
    assert rig.wifi._looked_ms > rig.now_ms + 900


# -- the board -----------------------------------------------------------------------------


def board(no_memory=0, ring=8192, i2s=(), **values):
    events.clear()
    logged.clear()
    Wlan.no_memory = no_memory
    I2S.failures = list(i2s)
    made = dict(values, ring_samples=ring) if ring else values
    made.setdefault("watchdog_s", 0)

    class Configuration:  # in the module's place, which a board drops
        load = staticmethod(lambda: config.read(made))

    ossicle.config = sys.modules["ossicle.config"] = Configuration
    esp32.Board.dog = None
    return esp32.Board()


WIFI = {"host": "10.0.0.1", "ssid": "kitchen"}
NO_MEMORY = OSError(12, "ENOMEM")


def case_ring_then_i2s_then_wifi():
    b = board(link="udp", **WIFI)
    assert events == ["i2s 20480", "wlan", "wlan on"], events
    assert b.port.max_baud == 0 and not b.port.up(1000)
    app = App(b)
    assert app.link.announces and b.config.notes == []
    b.leave(app.link)
    assert events[-2:] == ["i2s off", "wlan off"]


def case_wifi_that_lacks_memory_gets_half_the_ring():
    b = board(1, ring=20000, link="ws", **WIFI)
    assert events == ["i2s 20480", "wlan", "i2s off", "wlan", "wlan on", "i2s 20480"], events
    assert b.config.link == "ws" and len(b.storage) == 20000
    assert "Out of Memory" in b.config.notes[0] and "whole ring: 10000 samples" in b.config.notes[1]
    b = board(2, ring=20000, link="ws", **WIFI)
    assert b.config.link == "ws" and len(b.storage) == 16000, b.config.notes
    assert len(b.config.notes) == 2 and "8000" in b.config.notes[1]


def case_then_it_gets_the_microphones():
    b = board(3, ring=20000, link="udp", **WIFI)
    assert b.config.link == "udp" and len(b.storage) == 16000 and events[-1] == "i2s 10240", events


def case_no_wifi_is_the_serial_line():
    b = board(9, ring=20000, link="udp", **WIFI)
    assert b.config.link == "serial" and events[-2:] == ["i2s 10240", "uart"], events
    assert b.config.notes[-1].startswith("link: udp is refused: Wi-Fi does not start"), b.config.notes
    assert App(b).link.default_baud and len(b.storage) == 16000
    b = board(link="udp", host="10.0.0.1")
    assert b.config.link == "serial" and "ssid" in b.config.notes[0] and "wlan" not in events


# What is not for want of memory is not helped by less of it.
def case_wifi_that_fails_otherwise():
    Wlan.why = "Wifi Internal Error"
    b = board(9, ring=20000, link="udp", **WIFI)
    Wlan.why = "WiFi Out of Memory"
    assert b.config.link == "serial" and len(b.storage) == 40000 and events.count("wlan") == 1, events


def case_i2s_that_lacks_memory_gets_half_the_ring():
    b = board(ring=20000, i2s=[NO_MEMORY])
    assert len(b.storage) == 20000 and events == ["i2s 40960", "i2s 40960", "uart"]
    assert "I2S with ibuf 40960" in b.config.notes[0] and "10000" in b.config.notes[1]
    b = board(ring=20000, i2s=[NO_MEMORY] * 3)
    assert len(b.storage) == 16000 and events[-2:] == ["i2s 20480", "uart"], events
    b = board(ring=20000, i2s=[NO_MEMORY] * 9)  # then START is refused, with the reason
    assert events[-2:] == ["i2s 20480", "uart"] and len(b.config.notes) == 3, b.config.notes


def case_i2s_that_fails_otherwise():
    for error in (OSError(-259, "ESP_ERR_INVALID_STATE"), ValueError("invalid pin")):
        b = board(ring=20000, i2s=[error])
        assert len(b.storage) == 40000 and events == ["i2s 40960", "uart"]
        assert str(error) in b.config.notes[0] or "INVALID_STATE" in b.config.notes[0], b.config.notes


def case_the_ring_can_be_halved_before_the_app_is_there():
    b = board(ring=20000)
    assert b.shrink() and b.shrink() and not b.shrink() and len(b.storage) == 16000
    assert len(b.config.notes) == 1 and "8000" in b.config.notes[0]


class SmallHeap:
    def mem_free():
        return 164000


# Without PSRAM a ring of the configuration is taken as it is, the default is a smaller one.
def case_the_ring_beside_wifi():
    assert len(board(ring=None, link="udp", **WIFI).storage) == 67584
    gc, esp32.gc = esp32.gc, SmallHeap
    assert len(board(ring=None, link="udp", **WIFI).storage) == 57344
    assert len(board(ring=30000, link="udp", **WIFI).storage) == 60000
    assert len(board(ring=None).storage) == 67584
    esp32.gc = gc


# A start has a minute, and the REPL is never cut off; a name may take long to be looked up.
def case_the_watchdog():
    def dogs(**values):
        b = board(**values)
        b.watch()
        b.calm()
        return [event for event in events if event.startswith("dog")]

    assert dogs(watchdog_s=10) == ["dog 60000", "dog 10000", "dog 1073741823"]
    assert dogs(watchdog_s=10, link="udp", **WIFI)[1] == "dog 10000"
    assert dogs(watchdog_s=10, link="udp", ssid="kitchen", host="music.local")[1] == "dog 30000"
    assert dogs(watchdog_s=40, link="udp", ssid="kitchen", host="music.local")[1] == "dog 40000"
    assert dogs(watchdog_s=0) == ["dog 1073741823"] * 2


# A reason for the user; the flash is left alone once audio has flowed.
def case_wifi_trouble_is_logged_while_nothing_is_captured():
    b = board(link="udp", **WIFI)
    app = App(b)
    sys.modules["ossicle.loader"] = ossicle.loader = Loader
    b._tell("Wi-Fi: the password is refused")
    assert logged == ["Wi-Fi: the password is refused"] and b.config.notes == logged
    app.ring.written = 512
    b._tell("Wi-Fi: the access point is silent")
    assert len(logged) == 1 and len(b.config.notes) == 2


def case_facts_for_hello():
    fields = {}
    board().tell(fields)
    assert fields == {"reset": "watchdog", "usb": "bridge"}, fields
    fields = {}
    board(link="udp", **WIFI).tell(fields)
    assert fields == {"reset": "watchdog", "power_save": False}, fields


def case_flow_control():
    assert "flow" not in board()._uart.settings
    assert board(uart_rts=22)._uart.settings["flow"] == UART.RTS
    settings = board(uart_rts=22, uart_cts=19)._uart.settings
    assert (settings["rts"], settings["cts"], settings["flow"]) == (22, 19, 3)
    assert "rts" not in board(uart_cts=19)._uart.settings


class Interrupts:
    def __init__(self):
        self.told = []

    def kbd_intr(self, char):
        self.told.append(char)


class Left:
    rest = 0
    rest_bytes = b""

    def speed(self, baud):
        raise OSError("the UART does not answer")

    def close(self):
        raise OSError("the socket does not close")


# Whatever fails on the way: the pins are UART0's, and Ctrl-C is heard.
def case_the_repl_is_reached_whatever_fails():
    before, esp32.micropython = esp32.micropython, Interrupts()
    for values in ({"uart_tx": 1, "uart_rx": 3}, dict(link="udp", **WIFI)):
        b = board(**values)
        Machine.mem32 = {0x3FF49088: 0x7000, 0x3FF49084: 0x7000}
        del esp32.micropython.told[:]
        try:
            b.leave(Left())
        except OSError:
            pass
        else:
            raise AssertionError("the failure is told")
        assert esp32.micropython.told == [3]
        assert "link" in values or Machine.mem32 == {0x3FF49088: 0, 0x3FF49084: 0}, Machine.mem32
    esp32.micropython = before


# Without a UART the line is the REPL's own; Ctrl-C is off before the first byte, and on at the end.
def case_the_repls_own_port():
    from boards import usb

    before = esp32.micropython
    esp32.micropython = usb.micropython = Interrupts()
    b = board(uart=0)
    assert b._uart is None and b.port.max_baud == 0 and b.config.notes == []
    assert "uart" not in events and esp32.micropython.told == [-1]
    b.leave(Left())
    assert esp32.micropython.told == [-1, 3]
    esp32.micropython = usb.micropython = before


def case_what_the_line_goes_through():
    kinds = {
        "Generic ESP32 module with ESP32": "bridge",
        "TinyPICO with ESP32-PICO-D4": "bridge",
        "Generic ESP32S2 module with ESP32S2": "otg",
        "Seeed XIAO ESP32S3 with ESP32-S3-FN8": "otg",
        "Seeed XIAO ESP32C3 with ESP32-C3FN4": "jtag",
        "ESP32C6 module with ESP32C6": "jtag",
    }
    for name, kind in kinds.items():
        assert esp32.usb_kind(None, name) == kind, name
        assert esp32.usb_kind(1, name) == "bridge"


# Elsewhere Ctrl-C is the REPL's.
def case_where_the_repl_hears():
    assert esp32.hears_repl("Generic ESP32 module with ESP32", 3)
    assert not esp32.hears_repl("Generic ESP32 module with ESP32", 16)
    assert not esp32.hears_repl("Generic ESP32S3 module with ESP32S3", 3)
    assert not esp32.hears_repl("Seeed XIAO ESP32S3 with ESP32-S3-FN8", 3)
    assert esp32.hears_repl("Seeed XIAO ESP32S3 with ESP32-S3-FN8", 44)
    assert esp32.hears_repl("a chip of tomorrow", 3)


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
