"""What is wrong with a microphone: evidence is collected, checked and told.

`evidence` is what there is to judge, `collect` gets it from a device or a file, `presence` from a port on
which no firmware answers. `measure` and `bits` make figures of sound. The checks in `wiring`, `sound`, `link`
and `device` are pure: evidence in, a Finding or None out, one function for each finding.
"""
