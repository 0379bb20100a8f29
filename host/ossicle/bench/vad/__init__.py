"""How well the voice detectors tell speech from silence and from noise, on audio whose speech is known.

`corpus` makes the project's labelled mixes with `noises`, `recordings` reads those of a folder, `judge` runs
the detectors through the segmenter as users do, `metrics` compares with the labels, and `suite` gives the
tables. Nothing here is a figure of time: the same packages give the same figures on any machine.
"""
