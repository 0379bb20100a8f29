# Peripherals of an ESP32 that are none, in the place of `machine` and `network`: what is made of
# them, and in which order, is in `events`.
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
