# HELLO (W-18): what the device is. Imported for each HELLO and dropped behind it, so that a field
# here costs the heap nothing while audio flows.
import json
import sys

from ossicle import FIRMWARE_VERSION
from ossicle._wire import PROTOCOL_VERSION, SPEC_HASH
from ossicle.commands import CHANNELS, RATES


# The JSON as bytes; `app` is the App.
def say(app):
    board = app.board
    config = board.config
    fields = {
        "ossicle": PROTOCOL_VERSION,
        "spec": SPEC_HASH,
        "device": board.device,
        "firmware": FIRMWARE_VERSION,
        "board": board.name,
        "rates": RATES,
        "channels": CHANNELS,
        "codecs": ["pcm16", "adpcm"],
        "ring": app.ring.samples,
        "max_baud": board.port.max_baud,
        "plain": app.session.plain,
        "notes": config.notes,
        "chip": getattr(sys.implementation, "_machine", sys.platform),
        "micropython": "%d.%d.%d" % sys.implementation[1][:3],
        "mic": {"kind": config.mic, "slot": config.slot, "shift": config.shift, "late": config.late},
    }
    if hasattr(board, "tell"):  # what only this kind of board knows
        board.tell(fields)
    if app.seal is not None:
        app.seal.tell(fields)
    return json.dumps(fields).encode()
