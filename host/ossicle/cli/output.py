"""What the commands say: one JSON object a line for programs, plain lines for people.

Results go to stdout, everything about the way there to stderr. A reader of stdout that goes away
ends the command quietly; main() in this package sees to that.
"""

from __future__ import annotations

import json
import sys
from typing import Any


class Output:
    """Says each event once, in the one form that was asked for."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def event(self, name: str, text: str, **fields: Any) -> None:
        """`{"event": name, ...}` for programs, `text` for people; an empty text says nothing."""
        if self.as_json:
            self.row({"event": name, **fields})
        elif text:
            print(plain(text), flush=True)

    def row(self, fields: dict[str, Any]) -> None:
        """One JSON object on one line of stdout, whole and at once."""
        text = json.dumps(fields, ensure_ascii=False)
        if not text.isprintable():
            text = json.dumps(fields)
        try:
            text.encode(sys.stdout.encoding or "utf-8")
        except UnicodeEncodeError:
            text = json.dumps(fields)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Something the user should know that is no result, such as a conversion."""
        if self.as_json:
            self.row({"event": "note", "text": text})
        else:
            print(plain(text), file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """What a board says may hold what a terminal obeys; that is shown as a question mark."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def seconds(frames: int, rate: int) -> float:
    """Frames as seconds, to the microsecond: enough for a sample at any rate we have, and readable."""
    return round(frames / rate, 6)
