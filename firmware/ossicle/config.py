# What a board is told by /ossicle.json. A value that is wrong falls back to the default,
# and `notes` says so; HELLO carries the notes to the host.
import json

from micropython import const

from ossicle._wire import DEFAULT_BAUD, DEFAULT_RING_SAMPLES, DEFAULT_SHIFT, SHIFT_MAX, SHIFT_MIN

_NOTES_MAX = const(6)
_NOTE_CHARS = const(80)

# name: (default, least, most); for bool and str the limits are None.
_KEYS = {
    "device": ("", None, None),  # a name in place of the chip's id
    "i2s": (0, 0, 1),
    "sck": (14, 0, 48),  # GPIO numbers of the microphone
    "ws": (15, 0, 48),
    "sd": (32, 0, 48),
    "shift": (DEFAULT_SHIFT, SHIFT_MIN, SHIFT_MAX),
    "dc_blocker": (True, None, None),
    "ibuf": (40960, 4096, 65536),  # bytes of DMA; 20480 beside Wi-Fi
    "ring_samples": (DEFAULT_RING_SAMPLES, 4096, 1048576),
    "uart": (1, 1, 2),
    "uart_tx": (1, 0, 48),
    "uart_rx": (3, 0, 48),
    "max_baud": (4000000, DEFAULT_BAUD, 5000000),
}


class Config:
    # `values` is a dict; an unknown key, or a value of the wrong type or size, becomes a note.
    def __init__(self, values):
        self.notes = []
        self._values = {}
        if not isinstance(values, dict):
            self.note("the configuration is no JSON object")
            values = {}
        for key in values:
            if key not in _KEYS:
                self.note("unknown key: " + str(key))
        for key in _KEYS:
            default, least, most = _KEYS[key]
            value = values.get(key, default)
            if type(value) is not type(default) or (least is not None and not least <= value <= most):
                self.note("%s: %s is refused, %s taken" % (key, value, default))
                value = default
            self._values[key] = value

    def __getattr__(self, name):
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name)

    # At most six notes of 80 characters: HELLO must fit a packet.
    def note(self, text):
        if len(self.notes) < _NOTES_MAX:
            self.notes.append(text[:_NOTE_CHARS])


def load(path="/ossicle.json"):
    try:
        with open(path) as file:
            values = json.load(file)
    except OSError:
        values = {}
    except ValueError:
        values = None
    return Config(values)
