# Wi-Fi as a station, for the chip and for the emulated board. Joining never blocks: it is
# asked for, and looked at. The driver tries a few times by itself, at once, also when it was
# thrown out; then it rests, longer and longer, and is asked again. While it tries, connect()
# only raises (micropython #17661); when it has joined and waits for its address, connect()
# would throw it out: so a round has its time.
#
# Power save is off: with it a packet waits for a beacon, up to a second.
import network
from micropython import const

from ossicle.links.away import Away
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_LOOK_MS = const(20)
_TRIES = const(5)  # of the driver in one round, a scan of some 2 s each where it finds nothing
_ROUND_MS = const(15000)

_REASONS = (
    ("STAT_NO_AP_FOUND", "no access point of this name"),
    ("STAT_WRONG_PASSWORD", "the password is refused"),
    ("STAT_ASSOC_FAIL", "the access point refuses"),
    ("STAT_HANDSHAKE_TIMEOUT", "the handshake takes too long: is the password right?"),
    ("STAT_BEACON_TIMEOUT", "the access point is silent"),
)


class Wifi:
    # `tell` takes a text for the user who is at the serial port.
    @passing
    def __init__(self, ssid, password, tell):
        self._ssid = ssid
        self._password = password
        self._tell = tell
        self._wlan = None
        self._away = Away()
        self._up = False
        self._looked_ms = -1
        self._joining_ms = -1  # when a round began; -1: none is under way
        self._lost_ms = -1  # when it went down; -1: it was never up, or is
        self._why = ""
        self._news = ""  # for the log
        self.joined = 0  # how often
        self.in_vain = 0  # rounds that did not join

    # Takes the driver's memory. OSError when there is none.
    @passing
    def start(self):
        try:
            self._wlan = network.WLAN(network.STA_IF)
            self._wlan.active(True)
            self._wlan.config(pm=network.WLAN.PM_NONE)
            self._wlan.config(reconnects=_TRIES - 1)
        except (RuntimeError, ValueError) as error:
            raise OSError(str(error))

    # Whether it is joined; looks now and then, and joins where it is not.
    def up(self, now_ms):
        if self._looked_ms >= 0 and (now_ms - self._looked_ms) & _MASK < _LOOK_MS:
            return self._up
        self._looked_ms = now_ms
        up = self._wlan.isconnected()
        if up != self._up:
            if up:
                self._is_back(now_ms)
            else:
                self._is_gone(now_ms)
            self._up = up  # behind what may find no memory, and comes again then
        if not up:
            self._join(now_ms)
        return up

    @rare("join")
    def _is_back(self, now_ms):
        self.joined = (self.joined + 1) & _MASK
        self._joining_ms = -1
        self._away.well()
        if self._lost_ms >= 0:
            away_ms = (now_ms - self._lost_ms) & _MASK
            self._news = "Wi-Fi was away for %d ms: %s" % (away_ms, self._why or "no reason known")
        self._lost_ms = -1
        self._why = ""

    @rare("join")
    def _is_gone(self, now_ms):
        self._why = self._reason()
        self._lost_ms = now_ms
        self._away.lost(now_ms)

    # Whether there is something to do about it. This much is asked every time.
    def _join(self, now_ms):
        if self._joining_ms >= 0:
            due = (now_ms - self._joining_ms) & _MASK >= _ROUND_MS
        else:
            due = self._away.due(now_ms)
        if due:
            self._go_on(now_ms)

    # A round is over, or the next begins.
    @rare("join")
    def _go_on(self, now_ms):
        if self._joining_ms >= 0:
            self._joining_ms = -1
            self.in_vain = (self.in_vain + 1) & _MASK
            self._away.lost(now_ms)
            self._fails(self._reason())
            if not self._away.due(now_ms):
                return
        self._joining_ms = now_ms
        try:
            self._wlan.connect(self._ssid, self._password)
        except (OSError, RuntimeError):
            pass  # it is at it

    @rare("join")
    def _fails(self, why):
        if why and why != self._why:
            self._why = why
            self._tell("Wi-Fi: " + why)

    # Why it is not joined, as far as the driver knows.
    @rare("join")
    def _reason(self):
        status = self._wlan.status()
        for name, text in _REASONS:
            if status == getattr(network, name, None):
                return text
        return ""

    # dBm, 0 where it is not known.
    def rssi(self):
        try:
            return self._wlan.status("rssi") if self._up else 0
        except OSError:
            return 0

    # Whether the radio sleeps between beacons all the same: not each build takes PM_NONE.
    @rare("join")
    def saves_power(self):
        return self._wlan.config("pm") != network.WLAN.PM_NONE

    # A text for the log, once.
    @rare("join")
    def news(self):
        text = self._news
        self._news = ""
        return text

    @rare("join")
    def stop(self):
        if self._wlan is not None:
            try:
                self._wlan.active(False)
            except OSError:
                pass
