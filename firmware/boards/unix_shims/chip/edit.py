# A line that is typed at the friendly prompt, echoed as it is edited: backspace, cursor keys,
# home and end, and the lines before. Completion and automatic indents are the chip's alone.

_KEYS = (1, 2, 4, 5)  # which say something only in an empty line
_KEPT = 8


class Editor:
    def __init__(self, read, say):
        self._read = read
        self._say = say
        self._before = []

    # (text, 0), or (b"", key) for a control character.
    def line(self, prompt):
        self._say(prompt)
        text = bytearray()
        at = 0
        place = -1  # in the lines before
        while True:
            c = self._read()
            if c in _KEYS and not text:
                return b"", c
            if c == 3:
                self._say(b"\r\n")
                return b"", c
            if c in (10, 13):
                self._say(b"\r\n")
                if text:
                    self._before = [bytes(text)] + self._before[: _KEPT - 1]
                return bytes(text), 0
            if c in (8, 127):
                if at:
                    at -= 1
                    text = text[:at] + text[at + 1 :]
                    self._redraw(b"\b", text, at)
            elif c == 27:
                place, text, at = self._escape(place, text, at)
            elif c >= 32 or c == 9:
                text = text[:at] + bytes((c,)) + text[at:]
                at += 1
                self._say(bytes((c,)))
                if at < len(text):
                    self._redraw(b"", text, at)

    # The text from the cursor on.
    def _redraw(self, first, text, at):
        rest = bytes(text[at:])
        self._say(first + rest + b"\x1b[K")
        if rest:
            self._say(b"\x1b[%dD" % len(rest))

    def _escape(self, place, text, at):
        if self._read() != 91:
            return place, text, at
        key = self._read()
        if key in (65, 66):  # up, down
            place = max(-1, min(place + (1 if key == 65 else -1), len(self._before) - 1))
            if at:
                self._say(b"\x1b[%dD" % at)
            text = bytearray(self._before[place] if place >= 0 else b"")
            self._say(b"\x1b[K" + bytes(text))
            at = len(text)
        elif key == 67 and at < len(text):
            at += 1
            self._say(b"\x1b[C")
        elif key == 68 and at:
            at -= 1
            self._say(b"\x1b[D")
        elif key == 72 and at:
            self._say(b"\x1b[%dD" % at)
            at = 0
        elif key == 70 and at < len(text):
            self._say(b"\x1b[%dC" % (len(text) - at))
            at = len(text)
        return place, text, at
