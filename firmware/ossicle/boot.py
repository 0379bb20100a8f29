# Starting the app, and what happens when that fails: the first failure in a row resets the
# board once, the second ends in the REPL with the reason. So a fault that passes heals
# itself, and one that stays never becomes a loop of resets. A file counts.
import gc
import sys


# `make` gives the board; `make.failures` is the path of the file that counts, None where a
# failure just ends the program; `make.reset` restarts it. Returns when the way back to the
# REPL is asked for, or at Ctrl-C.
def run(make):
    path = make.failures
    app = None
    try:
        board = make()
        gc.threshold(gc.mem_free() // 32)  # small garbage between what stays leaves holes
        from ossicle.app import App

        app = App(board)
        gc.threshold(-1)
        app.run(lambda: forget(path))
    except KeyboardInterrupt:  # at the REPL's own serial port
        if app is not None:
            board.leave(app.link)
    except Exception as error:
        _failed(error, make)
    else:
        board.leave(app.link)


def _failed(error, make):
    path = make.failures
    if path is None:
        raise error
    sys.print_exception(error)
    failures = read(path) + 1
    try:
        with open(path, "w") as file:
            file.write(str(failures))
    except OSError:
        failures = 2  # it cannot be counted: no reset
    if failures < 2:
        make.reset()
    else:
        forget(path)
        print("Ossicle has failed to start twice in a row: %r. Reset to try again." % error)


def read(path):
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def forget(path):
    import os

    try:
        if path:
            os.remove(path)
    except OSError:
        pass
