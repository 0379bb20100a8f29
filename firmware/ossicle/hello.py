# HELLO (W-18): what the device is. Imported for each HELLO and dropped behind it, so that a field
# here costs the heap nothing while audio flows.
import json

from ossicle import FIRMWARE_VERSION
from ossicle._wire import PROTOCOL_VERSION, SPEC_HASH
from ossicle.commands import CHANNELS, RATES


# The JSON as bytes; `app` is the App.
def say(app):
    board = app.board
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
        "notes": board.config.notes,
    }
    if app.seal is not None:
        app.seal.tell(fields)
    return json.dumps(fields).encode()
