# What the emulated microphone hears: a file of slots, or the pattern. The interrupt
# thread's own. A source that is `endless` begins again at its end, as on the emulated chip,
# where the microphone goes on whatever happens.

from array import array
from micropython import const

from boards.pattern import fill
from emulation import disk, settings

_PART = const(256)  # frames
_ENDLESS = const(0x3FFFFFFF)


class Source:
    # `frame_bytes` of a frame in the firmware's buffer: a slot, or two.
    def __init__(self, frame_bytes):
        channels = settings["channels"]
        pattern = settings["pattern"]
        self._frame_bytes = frame_bytes
        self._slot_bytes = 4 * channels  # of a frame in the file
        self._frames = pattern[0] if pattern else disk.stat(settings["slots"])[6] // self._slot_bytes
        self._endless = settings["endless"] and self._frames > 0
        self.total = _ENDLESS if self._endless else self._frames
        self._file = None if pattern else disk.open(settings["slots"], "rb")
        self._fill = array("i", (0, 0, 0, frame_bytes // 4, pattern[1] if pattern else 0))
        self._at = 0  # frame at which the file stands
        self._scratch = bytearray(_PART * self._slot_bytes)

    # Into `buf`, where `got` frames are, `frames` from the one at `start` on.
    def fetch(self, buf, got, start, frames):
        while self._endless and frames:
            place = start % self._frames
            part = min(frames, self._frames - place)
            self._fetch(buf, got, place, part)
            start += part
            got += part
            frames -= part
        if frames:
            self._fetch(buf, got, start, frames)

    def _fetch(self, buf, got, start, frames):
        if self._file is None:
            args = self._fill
            args[0] = got * self._frame_bytes
            args[1] = start
            args[2] = frames
            fill(buf, args)
            return
        if self._at != start:
            # from where it stands: an absolute place may be beyond a 32-bit seek
            self._file.seek((start - self._at) * self._slot_bytes, 1)
        self._at = start + frames
        if self._slot_bytes == self._frame_bytes and not got:
            self._file.readinto(buf, frames * self._slot_bytes)
            return
        while frames:
            part = min(frames, _PART)
            self._file.readinto(self._scratch, part * self._slot_bytes)
            self._spread(buf, got, part)
            got += part
            frames -= part

    # Left slots to MONO; a one-channel file to the left slots of STEREO, where the right ones are silent.
    def _spread(self, out, got, frames):
        put = got * self._frame_bytes
        get = 0
        slots = min(self._slot_bytes, self._frame_bytes)
        for _ in range(frames):
            for i in range(self._frame_bytes):
                out[put + i] = self._scratch[get + i] if i < slots else 0
            put += self._frame_bytes
            get += self._slot_bytes

    def close(self):
        if self._file:
            self._file.close()
