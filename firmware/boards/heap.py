# The largest block first: the heap of a chip is several regions, and what is free in all
# is not free in one piece once anything else has been allocated.
import gc

from micropython import const

LEAST = const(8000)  # samples: half a second at 16 kHz


# Two bytes for each sample, or for as many as there is room for: half of them each time.
# Below `least` MemoryError.
def claim(samples, least=LEAST):
    while True:
        gc.collect()
        try:
            return bytearray(2 * samples)
        except MemoryError:
            if samples <= least:
                raise MemoryError("no %d bytes in one piece for the ring" % (2 * samples))
            samples = max(least, samples >> 1)
