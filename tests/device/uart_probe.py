# Drives the emulated machine.UART: writes what the settings say, then echoes. Prints one line of JSON.
import json
import micropython
import utime

import machine
from emulation import settings

task = settings["config"]
uart = machine.UART(
    1, baudrate=task["baud"], tx=1, rx=3, rxbuf=256, txbuf=task.get("txbuf", 4096), flow=task.get("flow", 0)
)
data = bytes(range(256)) * (task["bytes"] // 256)
got = bytearray(256)


def send(data):
    at = 0
    start_ms = utime.ticks_ms()
    while at < len(data) and utime.ticks_diff(utime.ticks_ms(), start_ms) < task["for_ms"]:
        at += uart.write(data, at, min(1000, len(data) - at)) or 0
    return at


def receive(wanted):
    n = 0
    start_ms = utime.ticks_ms()
    while n < wanted and utime.ticks_diff(utime.ticks_ms(), start_ms) < task["for_ms"]:
        if uart.any():
            n += uart.readinto(got, 256)
    return n


at = took_us = n = 0
start_us = utime.ticks_us()
micropython.heap_lock()
at = send(data)
uart.flush()
took_us = utime.ticks_diff(utime.ticks_us(), start_us)
n = receive(task.get("receive", 0))
micropython.heap_unlock()
print(
    json.dumps(
        {
            "wrote": at,
            "us": took_us,
            "lost": uart.lost_bytes,
            "garbled": uart.garbled_bytes,
            "got": list(got[:n]),
        }
    )
)
