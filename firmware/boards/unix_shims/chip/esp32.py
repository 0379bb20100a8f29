# `esp32` of the emulated chip: what asks for no more than a figure.

from emulation import settings

HEAP_DATA = 4
HEAP_EXEC = 1
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


# [(total, free, largest free block, least free ever)] of the memory that is not MicroPython's.
def idf_heap_info(capabilities):
    free = settings["idf_free"]
    return [(2 * free, free, free // 2, free // 2)]


def mcu_temperature():
    return 42


def raw_temperature():  # Fahrenheit
    return 128
