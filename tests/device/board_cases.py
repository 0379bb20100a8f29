# The ESP32's board file over peripherals of fakes: the order in which memory is taken, and what
# happens where there is none. Prints "ok NAME" for each.
import sys

from peripherals import I2S, UART, Loader, Machine, Wlan, events, logged
from boards import esp32
import ossicle
from ossicle import config
from ossicle.app import App


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
