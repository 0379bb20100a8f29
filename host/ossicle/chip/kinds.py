"""The chips that can be emulated: what MicroPython tells of each, and its memory.

Free heap at boot is measured for the ESP32 alone (ESP32_GENERIC 1.24 to 1.27 without PSRAM, in an emulator
of the chip: 164 K). The others are inferred from their SRAM, and are to be given where it matters.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """One chip, on a generic board without PSRAM.

    `heap` is what gc.mem_free() gives at boot, in bytes; `blocks` the file system, in 4096 bytes each;
    `uart_pins` UART0's (tx, rx); `uarts` the numbers that there are; `pins` the highest GPIO number; `usb`
    how a common board of it is connected: "bridge" is a USB-UART chip on UART0, "jtag" the chip's own
    USB-Serial/JTAG.
    """

    machine: str
    rom: str
    heap: int
    uart_pins: tuple[int, int]
    usb: str
    uarts: tuple[int, ...] = (0, 1)
    pins: int = 48
    blocks: int = 512


KINDS = {
    "esp32": Kind(
        "Generic ESP32 module with ESP32",
        "ets Jul 29 2019 12:21:46",
        164 * KIB,
        (1, 3),
        "bridge",
        (0, 1, 2),
        39,
    ),
    "esp32s2": Kind(
        "Generic ESP32S2 module with ESP32S2",
        "ESP-ROM:esp32s2-rc4-20191025",
        140 * KIB,
        (43, 44),
        "bridge",
        pins=46,
    ),
    "esp32s3": Kind(
        "Generic ESP32S3 module with ESP32S3",
        "ESP-ROM:esp32s3-20210327",
        200 * KIB,
        (43, 44),
        "jtag",
        (0, 1, 2),
    ),
    "esp32c3": Kind(
        "ESP32C3 module with ESP32C3", "ESP-ROM:esp32c3-api1-20210207", 180 * KIB, (21, 20), "jtag", pins=21
    ),
    "esp32c6": Kind(
        "ESP32C6 module with ESP32C6", "ESP-ROM:esp32c6-20220919", 220 * KIB, (16, 17), "jtag", pins=30
    ),
}
