# The largest block first: the heap of a chip is several regions, and what is free in all
# is not free in one piece once anything else has been allocated.
import gc


# Two bytes for each sample, or for as many as there is room for: a quarter less each time.
# Below `least` MemoryError.
def claim(samples, least=8192):
    while True:
        gc.collect()
        try:
            return bytearray(2 * samples)
        except MemoryError:
            if samples <= least:
                raise MemoryError("no %d bytes in one piece for the ring" % (2 * samples))
            samples = max(least, samples * 3 // 4)
