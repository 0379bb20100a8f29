# Drives the emulated socket as the simplest firmware would: a connected UDP socket that
# says a word, sleeps while the other side answers, and then reads. Prints one line of JSON.
import json
import micropython
import utime

import socket
from emulation import settings

task = settings["config"]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setblocking(False)
s.connect(socket.getaddrinfo("127.0.0.1", task["port"])[0][-1])
buf = bytearray(task["room"])
pieces = []
refused = 0
for _ in range(task["rounds"]):
    for _ in range(100):
        try:
            s.write(b"hello", 0, 5)
            break
        except OSError as error:
            assert error.errno == 12
            refused += 1
            utime.sleep_ms(5)
    utime.sleep_ms(task["sleep_ms"])
    micropython.heap_lock()
    n = s.readinto(buf, len(buf))
    micropython.heap_unlock()
    while n is not None:
        pieces.append(bytes(buf[:n]).hex())
        n = s.readinto(buf, len(buf))
print(json.dumps({"pieces": pieces, "refused": refused}))
