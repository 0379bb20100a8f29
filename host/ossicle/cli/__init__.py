"""The command `ossicle`: what a process needs before its first import. The commands are in `commands`."""

from __future__ import annotations

import io
import os
import signal
import sys


def main() -> None:
    """The entry point; ends the process with one of the exit codes of guard.py."""
    hold_streams()
    interrupted = signal.getsignal(signal.SIGINT)
    if interrupted is signal.default_int_handler:
        # There is nothing to keep yet: Ctrl-C ends the process, without a traceback out of some import.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .commands import program_for
    from .guard import FAILED, complain, os_error_line, quiet_stdout

    app = program_for(sys.argv[1:])
    signal.signal(signal.SIGINT, interrupted)
    try:
        app()
    except BrokenPipeError:
        quiet_stdout()
        sys.exit(0)
    except OSError as error:
        complain(os_error_line(error))
        quiet_stdout()
        sys.exit(FAILED)
    finally:
        if interrupted is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # nor while the interpreter takes itself apart


def hold_streams() -> None:
    """Have all three streams, and such that any text can be written.

    The descriptor of one that the caller has closed would go to the next file opened: a recording, a port.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest number that is free
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
