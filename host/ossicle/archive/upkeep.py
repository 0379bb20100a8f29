"""What an archive that is being written does now and then: compare the index with the store, and let go of
what is older than it has to be kept."""

from __future__ import annotations

import contextlib
import threading

from ossicle.archive.entry import ArchiveError
from ossicle.archive.health import Notice, Tell
from ossicle.archive.holdings import Holdings
from ossicle.archive.remove import ClockError, cleanup
from ossicle.archive.settings import Settings

EACH_S = 3600.0
_AGAIN_S = 60.0  # after a failure
_JOIN_S = 0.5


class Upkeep:
    """A thread that cleans up once when it starts, and each hour. Only audio of the owner in the settings
    goes by its age; deletions that someone asked for are completed for all."""

    def __init__(self, settings: Settings, holdings: Holdings, tell: Tell) -> None:
        self._settings = settings
        self._holdings = holdings
        self._tell = tell
        self._ending = threading.Event()
        self._failed = False
        self._thread = threading.Thread(target=self._go_on, name="archive-upkeep", daemon=True)

    def start(self) -> None:
        """Begin, with a first round at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a round that is under way may be broken off, and is taken up again by the next program."""
        self._ending.set()
        self._thread.join(_JOIN_S)

    def _go_on(self) -> None:
        while not self._ending.is_set():
            self._ending.wait(EACH_S if self._round() else _AGAIN_S)

    def _round(self) -> bool:
        """Whether the next one is in an hour."""
        try:
            cleanup(self._holdings, self._settings.retention_days, owner=self._settings.owner)
        except ClockError as error:  # which a time server sets right within the hour
            with contextlib.suppress(Exception):
                self._tell(Notice("upkeep", str(error).partition(";")[0]))
        except Exception as error:
            told = self._failed or getattr(error, "transient", False)  # by the uploads, which fail as well
            if not self._ending.is_set() and not told:
                self._failed = True
                text = str(error) if isinstance(error, ArchiveError) else type(error).__name__
                with contextlib.suppress(Exception):
                    self._tell(Notice("upkeep", f"the archive is not cleaned up: {text}"))
            return False
        self._failed = False
        return True
