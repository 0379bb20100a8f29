"""Threads that run one at a time, in an order drawn from a seed: a stand-in for the module `threading`.

At each point planted in the ring (`points`), and at each lock, another thread may go on. So a race that a
real machine shows once in a million runs is found by some seed, and found again by the same. Where nobody can
go on, a thread that waits with a timeout gets it; if there is none, it is a `Deadlock`.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

from points import Points

# Points that a thread passes in one go, and for how many of the others' it then stands where it is: so
# one thread does a whole operation while another stands at any point.
RUNS = (1, 3, 10, 30)
STANDS = (0, 0, 0, 0, 100, 300, 1000)


class Deadlock(AssertionError):
    """No thread can go on."""


class Stopped(BaseException):
    """Ends the other threads of a run that has failed."""


class Task:
    def __init__(self, name: str, function: Callable[[], None]) -> None:
        self.name = name
        self.function = function
        self.baton = threading.Lock()  # held until it is this one's turn
        self.baton.acquire()
        self.thread = 0
        self.waits_for: Any = None  # a lock
        self.stands_until = 0
        self.timed = False
        self.timed_out = False
        self.done = False


class Scheduler:
    """`RLock` and `Lock` as in `threading`; `run(name=function, ...)` runs the functions."""

    def __init__(self, seed: int, points: Points) -> None:
        self.random = random.Random(seed)
        self.steps = 0  # points passed so far
        self.left = 0  # points until another thread may go on
        points.act = self._step
        self.tasks: list[Task] = []
        self.current: Task | None = None
        self.error: BaseException | None = None
        self.finished = threading.Lock()
        self.finished.acquire()

    def RLock(self) -> RLock:
        return RLock(self)

    def Lock(self) -> Bell:
        return Bell(self)

    def run(self, **functions: Callable[[], None]) -> None:
        self.tasks = [Task(name, function) for name, function in functions.items()]
        threads = [threading.Thread(target=self._body, args=(task,), daemon=True) for task in self.tasks]
        for thread in threads:
            thread.start()
        self._pass_on()
        assert self.finished.acquire(timeout=60), "the run hangs"
        for thread in threads:
            thread.join(timeout=60)
        if self.error:
            raise self.error

    def _body(self, task: Task) -> None:
        task.thread = threading.get_ident()
        task.baton.acquire()
        try:
            if self.error is None:
                task.function()
        except Stopped:
            pass
        except BaseException as error:
            self.error = self.error or error
        finally:
            task.done = True
            self._pass_on()

    def _step(self) -> None:
        if self.current is None or self.current.thread != threading.get_ident():
            return  # before or after the run, or what another thread cleans up
        self.steps += 1
        self.left -= 1
        if self.left < 0:
            self.left = self.random.choice(RUNS)
            self.give_way()

    def give_way(self) -> None:
        """Let any thread go on, this one too."""
        me = self.current
        assert me is not None
        me.stands_until = self.steps + self.random.choice(STANDS)
        self._pass_on()
        self._resume(me)

    def wait_for(self, what: Any, timed: bool = False) -> bool:
        """Go on when `what` has called; False when the time was up instead."""
        me = self.current
        assert me is not None
        me.waits_for, me.timed, me.timed_out = what, timed, False
        self._pass_on()
        self._resume(me)
        return not me.timed_out

    def call(self, what: Any) -> None:
        for task in self.tasks:
            if task.waits_for is what:
                task.waits_for = None

    def _resume(self, me: Task) -> None:
        me.baton.acquire()
        if self.error is not None:
            raise Stopped

    def _pass_on(self) -> None:
        alive = [task for task in self.tasks if not task.done]
        if not alive:
            self.finished.release()
            return
        able = [task for task in alive if task.waits_for is None]
        if not able and self.error is None:
            able = [task for task in alive if task.timed]
            if not able:
                self.error = Deadlock(", ".join(f"{t.name} waits for {t.waits_for}" for t in alive))
        moving = [task for task in able if task.stands_until <= self.steps]
        self.current = self.random.choice(moving or able or alive)
        self.current.timed_out = self.current.waits_for is not None
        self.current.waits_for = None
        self.current.baton.release()


class RLock:
    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.owner: Task | None = None
        self.depth = 0

    def acquire(self, blocking: bool = True) -> bool:
        me = self.scheduler.current
        while self.owner not in (None, me):
            if not blocking:
                return False
            self.scheduler.wait_for(self)
        self.owner = me
        self.depth += 1
        return True

    def release(self) -> None:
        assert self.owner is self.scheduler.current
        self.depth -= 1
        if not self.depth:
            self.owner = None
            self.scheduler.call(self)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        if self.owner is self.scheduler.current:  # else the run is being stopped
            self.release()


class Bell:
    """A `Lock`, which any thread may release."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        while self.held:
            if not blocking or not self.scheduler.wait_for(self, timed=timeout >= 0):
                return False
        self.held = True
        return True

    def release(self) -> None:
        if not self.held:
            raise RuntimeError("release unlocked lock")
        self.held = False
        self.scheduler.call(self)
