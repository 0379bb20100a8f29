# What stays of /ossicle.json: a value for each key of config.py, and what was wrong with it.
from micropython import const

from ossicle.rare import passing, rare

_NOTES_MAX = const(6)
_NOTE_CHARS = const(80)
LINE = "serial"  # the link that every board has


class Settings:
    @passing
    def __init__(self):
        self.notes = []

    # The board takes the serial line instead.
    @rare("notes")
    def refuse_link(self, why):
        self.note("link: %s is refused: %s" % (self.link, why))
        self.link = LINE

    # At most six notes of 80 characters: HELLO must fit a packet.
    @rare("notes")
    def note(self, text):
        text = text[:_NOTE_CHARS]
        if len(self.notes) < _NOTES_MAX and text not in self.notes:
            self.notes.append(text)
