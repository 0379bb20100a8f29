# What comes before the app and after it. loader.py has this module for the start, the app for
# its end, and it is dropped behind both.
import gc
import micropython
import sys

from ossicle.modules import drop, kept
from ossicle.settings import Settings


# The app, ready to live. `tell` takes a line for the log. `make` gives the board: the one for
# this machine, unless it is given. `make.counted` says whether loader.py counts the starts.
def start(tell=None, make=None):
    if make is None:
        make = _find()
    try:
        board = make()
        app = _fit(board)
    except KeyboardInterrupt:
        make.calm()
        micropython.kbd_intr(3)
        raise
    if make.counted:
        board.watch()
        for note in board.config.notes:
            tell(note)
    _forget(app)
    __import__("ossicle.shed")  # lets go of what runs at boot only

    drop("ossicle.shed")
    gc.collect()  # or what stays of the first packets would lie behind what goes, and leave holes
    return app


# What is asked of the configuration after the start stays; all 31 keys would take 400 bytes.
def _forget(app):
    before = app.board.config
    app.board.config = app.capture.config = config = Settings()
    for name in "notes mic slot shift late gain warmup_ms uart_tx uart_rx".split():
        setattr(config, name, getattr(before, name))


def _find():
    if sys.platform == "esp32":
        from boards.esp32 import Board
    else:
        from boards.unix import Board
    return Board


# Where the app does not fit beside the ring, the ring is halved, as long as it can be.
def _fit(board):
    gc.threshold(gc.mem_free() // 32)  # small garbage between what stays leaves holes
    known = set(sys.modules)
    while True:
        kept.clear()
        try:
            from ossicle.app import App

            app = App(board)
            gc.threshold(-1)
            return app
        except MemoryError:
            if not board.shrink():
                raise
        for name in set(sys.modules) - known:
            del sys.modules[name]


# To the REPL, or to a start once more: `error` is None, or what has ended the app. A start that
# the user ended before it had settled is none that failed.
def end(app, error):
    board = app.board
    if error is not None:
        board.mic.close()
        app.ring = app.capture = app.session = app.commands = board.storage = board.mic = None
        gc.collect()  # or there may be no room for what tells of it
        _loader().failed(error)
        return
    if board.counted and not app.settled:
        _loader().ended()
    board.leave(app.link)


def _loader():
    from ossicle import loader

    drop("ossicle.loader")
    return loader


# The start has settled.
def settle():
    from ossicle import settled

    drop("ossicle.settled")
    settled.keep()
