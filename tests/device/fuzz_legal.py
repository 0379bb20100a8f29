# What the numbers of a session may be, whatever the host has said.
from fuzz_judge import Fault
from ossicle import _wire
from ossicle.session import DONE, DRAINING, IDLE, STREAMING

_LIMIT = 1 << 30
_ANSWERS = 63
_RANGES_MAX = 16


def check(world):
    session = world.session
    for name in ("_state", "_stream", "_resends", "_ring", "_speed", "_keys"):
        if not globals()[name](world, session):
            raise Fault("%s: %s" % (name[1:], told(world)))


def told(world):
    session, ring = world.session, world.app.ring
    return "state %s, session %d, token %d, hop %d, R %d, W %d, last %d, ranges %s" % (
        session.state, session.builder.session, session.token, ring.hop, ring.read_position, ring.written,
        session.sender.last_sequence, [session.resends.start(i) for i in range(session.resends.count)],
    )  # fmt: skip


def _state(world, session):
    capture = world.app.capture
    if session.state not in (IDLE, STREAMING, DRAINING, DONE) or session.answers & ~_ANSWERS:
        return False
    if session.state == IDLE:
        return session.builder.session == 0 and not capture.running
    return capture.running == (session.state == STREAMING) and 0 < session.builder.session < 65536


def _stream(world, session):
    ring = world.app.ring
    if session.state == IDLE:
        return True
    if not 0 < session.token < _LIMIT or not 0 <= session.gain <= _wire.GAIN_MAX or session.mode > 1:
        return False
    window = (ring.hop + ring.overlap) * ring.channels * 2
    coded = world.app.capture.coder is not None
    return ring.hop >= _wire.HOP_MIN_FRAMES and (coded or window <= _wire.PAYLOAD_MAX_BYTES)


# Ascending, apart, and all of what was sent.
def _resends(world, session):
    resends = session.resends
    if not 0 <= resends.count <= _RANGES_MAX:
        return False
    before = -1
    for i in range(resends.count):
        if not before < resends.start(i) < resends.stop(i) < _LIMIT:
            return False
        before = resends.stop(i)
    return True


def _ring(world, session):
    ring, sender = world.app.ring, session.sender
    behind = ring.settle()
    if not -ring.hop <= behind <= ring.filled <= ring.capacity or not 0 <= ring.phase < ring.hop:
        return False
    if ring.position(ring.sequence) != (ring.read_position - ring.phase) & (_LIMIT - 1):
        return False
    if session.state == DONE and sender.last_sequence < 0:
        return False
    return -1 <= sender.last_sequence < _LIMIT and 0 <= sender.resent <= sender.sent < _LIMIT


def _speed(world, session):
    way = world.way
    return session.next_baud <= way.max_baud and session.old_baud <= way.max_baud


def _keys(world, session):
    seal, judge = world.app.seal, world.judge
    if seal is None:
        return not judge.active
    return seal.active == judge.active and 0 <= seal.number <= _wire.SESSION_RENEW_NUMBER
