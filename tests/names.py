"""Numbers of a transcript that one side draws at random, by the names that the transcript has for them."""

from __future__ import annotations

from typing import Any

# The first number of each kind of name; the next name of the kind gets a higher one.
FIRST = {"t": 1001, "s": 0x5A17, "b": 301, "id": 0x1122334455667788, "c": 0xC0 << 120, "d": 0xD0 << 120}
BYTES = {"id": 8, "c": 16, "d": 16}  # of those that are no numbers


class Names:
    """The values behind "$t", "$s", "$id" ... of one play."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def known(self, value: Any) -> Any:
        """The value to send: a name that is new gets one of ours."""
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        if value not in self.values:
            stem = value[1:].rstrip("0123456789")
            number = FIRST[stem] + len(self.values)
            size = BYTES.get(stem)
            self.values[value] = number if size is None else number.to_bytes(size, "big").hex()
        return self.values[value]

    def same(self, wanted: Any, got: Any) -> bool:
        """Whether `got` is what was wanted; a name that is new becomes `got`, unless another has it."""
        if not isinstance(wanted, str) or not wanted.startswith("$"):
            return bool(wanted == got)
        if wanted in self.values:
            return bool(self.values[wanted] == got)
        stem = wanted[1:].rstrip("0123456789")
        if any(name[1:].rstrip("0123456789") == stem and v == got for name, v in self.values.items()):
            return False
        self.values[wanted] = got
        return True
