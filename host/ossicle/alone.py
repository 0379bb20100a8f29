"""One writer a file: a lock on the file itself, which ends with its process, whatever ends that."""

from __future__ import annotations

import errno
import os
import stat
import sys

from ossicle.errors import OssicleError


class BusyError(OssicleError):
    """Another program is writing the file."""


_BUSY = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
_BEHIND_ALL = 1 << 62  # Windows locks bytes, and lets nobody read them: one that no file has

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, _BEHIND_ALL, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def open_alone(path: str, *, make: bool) -> int:
    """A descriptor for reading and writing of a file that nobody else has open so; its content stays.

    `make` makes it where there is none. Raises `BusyError` where another writer is at it, and `OSError`.
    """
    flags = os.O_RDWR | (os.O_CREAT if make else 0) | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags, 0o666)
    try:
        _lock(file)
    except OSError as error:
        if error.errno in _BUSY:
            os.close(file)
            raise BusyError(f"{path}: another program is writing it") from None
        # A file system without locks: nobody can be kept away.
    except BaseException:
        os.close(file)
        raise
    return file


def cut(file: int, size: int) -> None:
    """Let the file end after `size` bytes. A device, which has no length, stays as it is."""
    if stat.S_ISREG(os.fstat(file).st_mode):
        os.ftruncate(file, size)
