# Ossicle: pick the board, run the app. It returns to the REPL when mpremote asks for it.
import sys

from ossicle import boot

if sys.platform == "esp32":
    from boards.esp32 import Board
else:
    from boards.unix import Board

boot.run(Board)
