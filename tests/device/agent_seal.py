# Keys and CCM of the firmware, for the agent.
from binascii import hexlify, unhexlify

from ossicle.ccm import Ccm, workroom
from ossicle.cipher import S_NONCE
from ossicle.seal import derive


def do_derive(message):
    challenges = [unhexlify(each) for each in message["challenges"]]
    names = [name.encode() for name in message["names"]]
    psk = unhexlify(message["psk"])
    return [hexlify(derive(psk, purpose, *challenges, *names)).decode() for purpose in range(3)]


# Sealed, and what opens: [sealed, whether it opens, payload]. One key serves for messages that
# follow each other, so the CBC object begins in the middle of its chain.
def do_ccm(message, held={}):
    key = message["key"]
    if key not in held:
        held.clear()
        held[key] = Ccm(unhexlify(key), workroom())
    ccm = held[key]
    a = unhexlify(message["associated"])
    payload = unhexlify(message["payload"])
    ccm._state[S_NONCE : S_NONCE + 13] = unhexlify(message["nonce"])
    buf = bytearray(a + payload + bytes(8))
    n = ccm.seal(buf, len(a), len(payload))
    sealed = hexlify(bytes(buf[len(a) : n])).decode()
    for at in message.get("flip", ()):
        buf[at] ^= 1
    opens = ccm.open(buf, len(a), len(payload))
    return [sealed, opens, hexlify(bytes(buf[len(a) : len(a) + len(payload)])).decode()]
