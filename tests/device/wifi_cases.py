# boards/wifi.py over a `network` of fakes. Prints "ok NAME" for each.
import sys

import micropython

from peripherals import Wlan
from boards.wifi import Wifi


class Rig:
    def __init__(self):
        self.told = []
        self.wifi = Wifi("kitchen", "secret", self.told.append)
        self.wifi.start()
        self.wlan = Wlan.made
        self.now_ms = 1000

    def run(self, ms):
        for _ in range(ms):
            self.now_ms += 1
            up = self.wifi.up(self.now_ms)
        return up


# -- the station ---------------------------------------------------------------------------


def case_no_power_save_and_a_few_tries():
    assert Rig().wlan.settings == {"pm": 0, "reconnects": 4}


def case_a_driver_that_saves_power_all_the_same():
    rig = Rig()
    assert not rig.wifi.saves_power()
    rig.wlan.settings["pm"] = 1
    assert rig.wifi.saves_power()


def case_it_joins():
    rig = Rig()
    assert not rig.run(10) and rig.wlan.connects == [("kitchen", "secret")]
    assert rig.wifi.rssi() == 0
    rig.wlan.connected = True
    assert rig.run(25) and rig.wifi.rssi() == -61 and rig.wifi.joined == 1
    assert rig.wifi.news() == "", "the first time is no news"
    assert rig.told == []


# Thrown out: the first attempt is at once, and the log hears of it when it is back.
def case_it_joins_again():
    rig = Rig()
    rig.run(5)
    rig.wlan.connected = True
    rig.run(1000)
    rig.wlan.connected = False
    rig.wlan.state = 200
    assert not rig.run(25) and len(rig.wlan.connects) == 2
    rig.run(500)
    rig.wlan.connected = True
    rig.run(25)
    text = rig.wifi.news()
    assert text.startswith("Wi-Fi was away for 5") and "silent" in text, text
    assert rig.wifi.news() == "" and rig.wifi.joined == 2


# Rounds have their time, and the waits between them grow.
def case_backoff():
    rig = Rig()
    rig.wlan.state = 201
    at = []
    for _ in range(150000):
        n = len(rig.wlan.connects)
        rig.run(1)
        if len(rig.wlan.connects) > n:
            at.append(rig.now_ms)
    gaps = [at[i + 1] - at[i] for i in range(len(at) - 1)]
    assert 15100 <= gaps[0] <= 15200 and gaps == sorted(gaps) and 18900 < gaps[-1] <= 19100, gaps
    assert rig.told == ["Wi-Fi: no access point of this name"] and rig.wifi.in_vain in (len(at) - 1, len(at))


# It tries by itself when it was thrown out: then connect() raises, and is no trouble.
def case_a_driver_that_is_at_it():
    rig = Rig()
    rig.wlan.busy = True
    rig.run(1000)
    assert rig.told == [] and len(rig.wlan.connects) == 1
    rig.wlan.connected = True
    assert rig.run(25)


def case_looking_allocates_nothing():
    rig = Rig()
    rig.wlan.connected = True
    rig.run(25)
    now_ms = rig.now_ms
    up = rig.wifi.up
    micropython.heap_lock()
    for _ in range(1000):
        now_ms += 1
        up(now_ms)
    micropython.heap_unlock()
    assert rig.wifi._looked_ms > rig.now_ms + 900


def main():
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
