"""The emulated chip; see `chip.py`."""

from .chip import Chip
from .kinds import KINDS, Kind

__all__ = ["KINDS", "Chip", "Kind"]
