# boards/wifi.py over a `network` of fakes, and the ESP32's board file with it: the order in
# which memory is taken, and what happens where there is none. Prints "ok NAME" for each.
import sys


class Wlan:
    PM_NONE = 0
    made = None
    no_memory = 0  # so many active() fail

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
            raise OSError("WiFi Out of Memory")
        events.append("wlan on" if on else "wlan off")

    def config(self, **settings):
        self.settings.update(settings)

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

    def __init__(self, i2s_id, **settings):
        events.append("i2s %d" % settings["ibuf"])

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


class Machine:
    I2S = I2S
    UART = UART
    Pin = int
    mem32 = {0x3FF49088: 0x7000, 0x3FF49084: 0x7000}
    reset = None

    def unique_id():
        return b"\x01\x02\x03\x04\x05\x06"


events = []
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


def board(no_memory=0, ring=8192, **values):
    events.clear()
    Wlan.no_memory = no_memory
    made = dict(values, ring_samples=ring) if ring else values
    class Configuration:  # in the module's place, which a board drops
        load = staticmethod(lambda: config.read(made))

    ossicle.config = sys.modules["ossicle.config"] = Configuration
    return esp32.Board()


def case_ring_then_i2s_then_wifi():
    b = board(link="udp", host="10.0.0.1", ssid="kitchen")
    assert events == ["i2s 20480", "wlan", "wlan on"], events
    assert b.port.max_baud == 0 and not b.port.up(1000)
    app = App(b)
    assert app.link.announces and b.config.notes == []
    b.leave(app.link)
    assert events[-2:] == ["i2s off", "wlan off"]


def case_wifi_that_lacks_memory_gets_the_microphones():
    b = board(1, link="ws", host="10.0.0.1", ssid="kitchen")
    assert events == ["i2s 20480", "wlan", "i2s off", "wlan", "wlan on", "i2s 10240"], events
    assert b.config.link == "ws" and "Out of Memory" in b.config.notes[0]


def case_no_wifi_is_the_serial_line():
    b = board(2, link="udp", host="10.0.0.1", ssid="kitchen")
    assert b.config.link == "serial" and events[-2:] == ["i2s 10240", "uart"], events
    assert len(b.config.notes) == 2 and "does not start" in b.config.notes[1], b.config.notes
    assert App(b).link.default_baud
    b = board(link="udp", host="10.0.0.1")
    assert b.config.link == "serial" and "ssid" in b.config.notes[0] and "wlan" not in events


class SmallHeap:
    def mem_free():
        return 164000


# Without PSRAM a ring of the configuration is taken as it is, the default is a smaller one.
def case_the_ring_beside_wifi():
    wifi = {"link": "udp", "host": "10.0.0.1", "ssid": "kitchen"}
    assert len(board(ring=None, **wifi).storage) == 67584
    gc, esp32.gc = esp32.gc, SmallHeap
    assert len(board(ring=None, **wifi).storage) == 53248
    assert len(board(ring=30000, **wifi).storage) == 60000
    assert len(board(ring=None).storage) == 67584
    esp32.gc = gc


def case_a_smaller_ring_after_a_start_that_failed():
    read, esp32.boot.read = esp32.boot.read, lambda path: 1
    b = board()
    esp32.boot.read = read
    assert len(b.storage) == 12288 and "6144" in b.config.notes[0], b.config.notes


def case_flow_control():
    assert "flow" not in board()._uart.settings
    assert board(uart_rts=22)._uart.settings["flow"] == UART.RTS
    settings = board(uart_rts=22, uart_cts=19)._uart.settings
    assert (settings["rts"], settings["cts"], settings["flow"]) == (22, 19, 3)
    assert "rts" not in board(uart_cts=19)._uart.settings


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
