# What the firmware uses of ulab, in plain Python, with the checks and results that ulab's C
# sources have (v923z/micropython-ulab: code/utils/utils.c, code/numpy): a build with the real
# one was not to be had. Slow.
from ulab import numpy, utils  # noqa: F401
