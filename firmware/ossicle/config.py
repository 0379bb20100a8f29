# What a board is told by /ossicle.json. A value that is wrong falls back to the default,
# and `notes` says so; HELLO carries the notes to the host.
import json

from micropython import const

from ossicle._wire import (
    DEFAULT_BAUD,
    DEFAULT_PORT,
    DEFAULT_RING_SAMPLES,
    DEFAULT_SHIFT,
    KEY_MAX_BYTES,
    KEY_MIN_BYTES,
    SHIFT_MAX,
    SHIFT_MIN,
)
from ossicle.settings import Settings

_IBUF_BESIDE_WIFI = const(20480)

LINKS = ("serial", "udp", "ws")
_SECRET = ("password", "key")  # their values are never in a note

# name: (default, least, most); for bool and str the limits are None.
_KEYS = {
    "device": ("", None, None),  # a name in place of the chip's id
    "i2s": (0, 0, 1),
    "sck": (14, 0, 48),  # GPIO numbers of the microphone
    "ws": (15, 0, 48),
    "sd": (32, 0, 48),
    "shift": (DEFAULT_SHIFT, SHIFT_MIN, SHIFT_MAX),
    "dc_blocker": (True, None, None),
    "ibuf": (40960, 4096, 65536),  # bytes of DMA; where Wi-Fi is, half of it unless it is given
    "ring_samples": (DEFAULT_RING_SAMPLES, 4096, 1048576),
    "uart": (1, 1, 2),
    "uart_tx": (1, 0, 48),
    "uart_rx": (3, 0, 48),
    "uart_rts": (-1, -1, 48),  # -1: the line has none
    "uart_cts": (-1, -1, 48),
    "max_baud": (4000000, DEFAULT_BAUD, 5000000),
    "link": (LINKS[0], None, None),
    "ssid": ("", None, None),  # of the access point; a board with Wi-Fi needs it for udp and ws
    "password": ("", None, None),
    "host": ("", None, None),  # name or address; udp and ws need it
    "port": (DEFAULT_PORT, 1, 65535),
    "key": ("", None, None),  # shared with the host, in hex: 16 to 32 bytes
    "plain": (False, None, None),  # on udp and ws: a START that is not sealed is taken
}


# `values` is a dict; an unknown key, or a value of the wrong type or size, becomes a note.
def read(values):
    made = Settings(LINKS[0])
    if not isinstance(values, dict):
        made.note("the configuration is no JSON object")
        values = {}
    made.has_ring = "ring_samples" in values  # it was given, and is no default
    for key in values:
        if key not in _KEYS:
            made.note("unknown key: " + str(key))
    for key in _KEYS:
        default, least, most = _KEYS[key]
        value = values.get(key, default)
        if type(value) is not type(default) or (least is not None and not least <= value <= most):
            shown = "its value" if key in _SECRET else value
            made.note("%s: %s is refused, %s taken" % (key, shown, default))
            value = default
        setattr(made, key, value)
    _check_link(made)
    if made.key and not _is_key(made.key):
        made.note("key: its value is refused: it has to be 32 to 64 hex digits")
        made.key = ""
    if made.link != LINKS[0] and "ibuf" not in values:
        made.ibuf = _IBUF_BESIDE_WIFI
    return made


def _check_link(made):
    if made.link not in LINKS:
        made.refuse_link("there is none of this name")
    elif made.link != LINKS[0] and not made.host:
        made.refuse_link("there is no host in the configuration")


def _is_key(text):
    n = len(text) // 2
    if len(text) != 2 * n or not KEY_MIN_BYTES <= n <= KEY_MAX_BYTES:
        return False
    return all(c in "0123456789abcdefABCDEF" for c in text)


def load(path="/ossicle.json"):
    try:
        with open(path) as file:
            values = json.load(file)
    except OSError:
        values = {}
    except ValueError:
        values = None
    return read(values)
