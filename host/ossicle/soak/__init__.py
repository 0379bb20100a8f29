"""A harness that tries to lose samples: `ossicle soak`.

plan      what goes wrong, and when: the same seed, the same decisions
lane      one direction of a link, on which it does
loop      the thread in which all relays run
serial, datagrams, messages   a relay for each kind of link, between emulated board and host
worker    the host as a process of its own, which can be killed
record    what the emulated microphone captured, and when
judge     what came, frame by frame, and what of the rest the ring held
run       all of it together
report    the figures
"""
