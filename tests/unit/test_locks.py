"""Locks and Ctrl-C: whenever the signal comes, nobody is locked out afterwards."""

import sys
import threading
import time

import pytest

from ossicle import locks


def free(lock):
    """Can another thread have the lock?"""
    got = []

    def take():
        got.append(lock.acquire(timeout=0.5))
        if got[0]:
            lock.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join(10)
    return got == [True]


@pytest.fixture
def condition():
    return locks.Condition()


def test_it_waits_until_it_is_told_or_until_time_is_over(condition):
    with condition.lock:
        assert condition.wait(0.001) is False
        assert condition.wait_for(lambda: False, 0.001) is False
        assert condition.wait_for(lambda: True, 0) is True
    ready = []

    def tell():
        with condition.lock:
            ready.append(True)
            condition.notify_all()

    with condition.lock:
        threading.Thread(target=tell).start()  # gets the lock as soon as this waits
        assert condition.wait_for(lambda: bool(ready), 30)
    assert free(condition.lock)


def test_all_who_wait_are_woken_and_get_back_what_they_held(condition):
    woken = []

    def wait(times):
        with condition.lock:
            for _ in range(times):
                condition.lock.acquire()
            woken.append(condition.wait(30))
            for _ in range(times):
                condition.lock.release()

    threads = [threading.Thread(target=wait, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    stop = time.monotonic() + 30
    while len(condition._waiters) < 3 and time.monotonic() < stop:
        time.sleep(0.001)
    with condition.lock:
        condition.notify_all()
    for thread in threads:
        thread.join(30)
    assert woken == [True] * 3
    assert free(condition.lock)


class Interruption:
    """Ctrl-C at the `at`-th place where Python looks for signals: a function began, or a call is done."""

    def __init__(self, at):
        self.left = at
        self.hit = False

    def look(self, frame, event, argument):
        if event in ("call", "c_return"):
            self.left -= 1
            if self.left == 0:
                self.hit = True
                raise KeyboardInterrupt


def interrupted_everywhere(action, lock):
    """How many places there are; after each the lock must be free."""
    for at in range(1, 1000):
        interruption = Interruption(at)
        try:
            sys.setprofile(interruption.look)
            action()
        except KeyboardInterrupt:
            pass
        finally:
            sys.setprofile(None)
        assert free(lock), f"locked out by a signal at place {at}"
        if not interruption.hit:
            return at
    raise AssertionError("no end")


def waiting(condition):
    def action():
        with condition.lock:
            condition.wait(0.0001)

    return action


def test_ctrl_c_at_any_moment(condition):
    assert interrupted_everywhere(waiting(condition), condition.lock) > 8
    with condition.lock:
        condition.notify_all()
    assert not condition._waiters


def test_the_condition_of_the_library_would_be_left_behind():
    condition = threading.Condition()

    def action():
        with condition:
            condition.wait(0.0001)

    with pytest.raises(AssertionError, match="locked out"):
        interrupted_everywhere(action, condition._lock)
