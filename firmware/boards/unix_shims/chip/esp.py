# `esp` of the emulated chip.

from emulation import settings


def osdebug(*args):
    pass


def flash_size():
    return 2 * settings["blocks"] * 4096
