"""session.json: exchanges between a host and a device, as transcripts.

A transcript runs against either side, or both: what the side under test says is expected, what the
other says is fed to it. Its steps, in order:

    from, kind, fields ...   a packet of the host or the device; `lost` ones never arrive
    capture, end             so many frames come to the microphone; with `end` they are its last
    lose                     so many frames pass that DMA drops
    wait_ms                  time passes
    quiet_ms, kinds          time passes, and none of these kinds is sent meanwhile
    event                    what the host tells its user
    ask                      what the host's user asks of it: stop, or lost (the link was opened anew)
    baud                     the speed that the side's link has now
    bad                      so many packets the device has dropped
    unseen                   so many frames come while the device's loop does not come round
    number                   of the device's next transmission

A text such as "$t" stands for a number that the side under test draws at random, or for one of the
player's; the same name is the same number, and two names are two numbers. Fields that are not named
are not looked at, or are as by default. Frame p of a stream is `sample(p, channel)` of ring.json.
Where the host's codec is adpcm, an AUDIO is coded, and the host gives what that decodes to.
`range` is what an AUDIO carries, `first` the number of its first sample where that is another, `wrong`
a range in which its samples are not what they were, `cut` so many samples missing at its end; `flags`
are named. Steps of sealed sessions are told in tests/sealing.py.
"""

from __future__ import annotations

from topics import (
    session_adpcm,
    session_attacked,
    session_beside,
    session_end,
    session_missing,
    session_resume,
    session_sealed,
    session_start,
)
from topics.sessions import Vector


def vectors() -> list[Vector]:
    topics = (
        session_start,
        session_resume,
        session_missing,
        session_end,
        session_beside,
        session_sealed,
        session_attacked,
        session_adpcm,
    )
    return [vector for topic in topics for vector in topic.vectors()]
