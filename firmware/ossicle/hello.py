# HELLO (W-18): what the device is. Imported for each HELLO and dropped behind it, so that a field
# here costs the heap nothing while audio flows.
import json
import sys

from ossicle import FIRMWARE_VERSION
from ossicle._wire import PROTOCOL_VERSION, SPEC_HASH
from ossicle.commands import CHANNELS, RATES

# A short text in the code is a name, which MicroPython never forgets: so these are in long ones.
_NAMES = (
    "ossicle spec device firmware board rates channels codecs ring max_baud plain notes chip micropython mic"
)
_MIC = "kind slot shift late"


# The JSON as bytes; `app` is the App.
def say(app):
    board = app.board
    config = board.config
    values = (
        PROTOCOL_VERSION,
        SPEC_HASH,
        board.device,
        FIRMWARE_VERSION,
        board.name,
        RATES,
        CHANNELS,
        "pcm16 adpcm".split(),
        app.ring.samples,
        board.port.max_baud,
        app.session.plain,
        config.notes,
        getattr(sys.implementation, "_machine", sys.platform),
        ".".join(str(each) for each in sys.implementation[1][:3]),
        dict(zip(_MIC.split(), (config.mic, config.slot, config.shift, config.late))),
    )
    fields = dict(zip(_NAMES.split(), values))
    if hasattr(board, "tell"):  # what only this kind of board knows
        board.tell(fields)
    if app.seal is not None:
        app.seal.prove(fields)
    return json.dumps(fields).encode()
