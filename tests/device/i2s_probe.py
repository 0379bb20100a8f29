# Drives the emulated machine.I2S as the simplest firmware would, under heap_lock, and writes what it got
# to the file that the settings name. Prints one line of JSON.
import json
import micropython
import utime

import machine
from emulation import clock, settings

task = settings["config"]
channels = task["channels"]
frame_bytes = 4 * channels
I2S = machine.I2S
i2s = I2S(
    0,
    sck=machine.Pin(1),
    ws=machine.Pin(2),
    sd=machine.Pin(3),
    mode=I2S.RX,
    bits=32,
    format=I2S.MONO if channels == 1 else I2S.STEREO,
    rate=settings["rate"],
    ibuf=settings["ibuf"],
)
buffers = [bytearray(256 * frame_bytes), bytearray(256 * frame_bytes), bytearray(256 * frame_bytes)]
out = open(task["out"], "wb", buffering=0)


class Probe:
    def __init__(self):
        self.active = 0
        self.callbacks = 0
        self.lengths = 0
        self.ref = self.handler

    def handler(self, _):
        done = buffers[self.active]
        self.active = 1 - self.active
        if not i2s.ended and "arm" not in task:
            i2s.readinto(buffers[self.active])
        out.write(done, 0, i2s.filled() * frame_bytes)
        self.callbacks += 1


probe = Probe()
i2s.irq(probe.ref)
if "starve_ms" in task:
    utime.sleep_ms(task["starve_ms"])
if "arm" in task:
    # So many at once: one is worked on, one waits, the rest are dropped without a word.
    for _ in range(task["arm"]):
        probe.lengths += i2s.readinto(buffers[0])
    utime.sleep_ms(200)
    print(json.dumps({"lengths": probe.lengths, "handed_out": i2s.handed_out()}))
else:
    idle = 0
    micropython.heap_lock()
    i2s.readinto(buffers[0])
    while not i2s.ended and idle < 4000:
        utime.sleep_us(100)
        idle += 1
    micropython.heap_unlock()
    i2s.deinit()
    print(
        json.dumps(
            {
                "callbacks": probe.callbacks,
                "dropped": i2s.dropped_frames,
                "lost": i2s.lost_callbacks(),
                "us": clock.us(),
                "ended": i2s.ended,
            }
        )
    )
