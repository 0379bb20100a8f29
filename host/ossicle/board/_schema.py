"""Written by tools/specgen.py from shared_spec/config.toml. Do not edit."""

# ruff: noqa
from __future__ import annotations

from typing import NamedTuple, Optional, Union

Value = Union[int, bool, str]


class Key(NamedTuple):
    """A key of a board's configuration.

    `kind` is "int", "bool" or "text". `least` and `most` are the limits of an int; of a text, `most` is its
    longest in bytes of UTF-8. `choices` is all that a text may be, where there are any. `wifi` is the default
    where `link` is not "serial", if that is another one. A `secret` is never shown.
    """

    name: str
    kind: str
    default: Value
    least: Optional[int]
    most: Optional[int]
    choices: tuple[str, ...]
    wifi: Optional[Value]
    secret: bool
    help: str


KEYS: dict[str, Key] = {
    "device": Key("device", "text", "", None, 64, (), None, False, "what the board calls itself; empty: the chip's id"),
    "mic": Key("mic", "text", "i2s", None, None, ("i2s", "pattern"), None, False, "i2s: a microphone; pattern: no microphone, but samples that the host knows, for tests"),
    "i2s": Key("i2s", "int", 0, 0, 1, (), None, False, "which I2S peripheral"),
    "sck": Key("sck", "int", 14, 0, 48, (), None, False, "GPIO number of the microphone's clock (SCK, BCLK)"),
    "ws": Key("ws", "int", 15, 0, 48, (), None, False, "GPIO number of the microphone's word select (WS, LRCLK)"),
    "sd": Key("sd", "int", 32, 0, 48, (), None, False, "GPIO number of the microphone's data (SD, DOUT)"),
    "slot": Key("slot", "text", "left", None, None, ("left", "right"), None, False, "which half of a frame is the sound of one channel: left where L/R is wired to GND, right where to 3V3"),
    "late": Key("late", "int", 0, 0, 1, (), None, False, "1: the microphone's data come a bit late, as those of the SPH0645 do"),
    "shift": Key("shift", "int", 14, 11, 16, (), None, False, "by so many bits a sample of 32 bits is shifted to make one of 16: less is louder"),
    "gain": Key("gain", "int", 256, 0, 4096, (), None, False, "the sound is multiplied by this many 256ths"),
    "warmup_ms": Key("warmup_ms", "int", 0, 0, 2000, (), None, False, "so much is left out before the first stream after a start, while the microphone wakes"),
    "dc_blocker": Key("dc_blocker", "bool", True, None, None, (), None, False, "takes a constant offset out of the sound"),
    "ibuf": Key("ibuf", "int", 40960, 4096, 65536, (), 20480, False, "bytes that the I2S driver buffers"),
    "ring_samples": Key("ring_samples", "int", 33792, 4096, 1048576, (), None, False, "length of the ring, in samples"),
    "uart": Key("uart", "int", 1, 0, 2, (), None, False, "which UART is the serial port; 0: the REPL's own port, for a board with the chip's USB alone"),
    "uart_tx": Key("uart_tx", "int", 1, 0, 48, (), None, False, "GPIO number on which the board sends"),
    "uart_rx": Key("uart_rx", "int", 3, 0, 48, (), None, False, "GPIO number on which the board hears"),
    "uart_rts": Key("uart_rts", "int", -1, -1, 48, (), None, False, "GPIO number of the handshake line RTS; -1: none"),
    "uart_cts": Key("uart_cts", "int", -1, -1, 48, (), None, False, "GPIO number of the handshake line CTS; -1: none"),
    "max_baud": Key("max_baud", "int", 4000000, 115200, 5000000, (), None, False, "the fastest speed that a host may ask for"),
    "link": Key("link", "text", "serial", None, None, ("serial", "udp", "ws"), None, False, "how the board speaks with the host"),
    "ssid": Key("ssid", "text", "", None, 32, (), None, False, "name of the access point; udp and ws need it"),
    "password": Key("password", "text", "", None, 64, (), None, True, "of the access point"),
    "host": Key("host", "text", "", None, 253, (), None, False, "name or address of the host; udp and ws need it"),
    "port": Key("port", "int", 4747, 1, 65535, (), None, False, "UDP or TCP port of the host"),
    "key": Key("key", "text", "", None, 64, (), None, True, "shared with the host, 32 to 64 hex digits: streams are sealed with it"),
    "plain": Key("plain", "bool", False, None, None, (), None, False, "on udp and ws: streams that are not sealed are taken, too"),
    "watchdog_s": Key("watchdog_s", "int", 10, 0, 60, (), None, False, "the chip restarts when the firmware hangs for so many seconds; 0: it does not"),
}
