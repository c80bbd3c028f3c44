"""Running several processes as one: started together, restarted when they die, stopped together."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0


def signal_when_parent_dies(number: int = signal.SIGTERM) -> bool:
    """Ask the operating system to send this process a signal when its parent dies, however it dies.

    Returns
    -------
    bool
        False where the system has no such service (it is Linux's ``PR_SET_PDEATHSIG``).
    """
    if not sys.platform.startswith("linux"):
        return False
    parent = os.getppid()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        return False
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), number)
    return True


@dataclass
class Child:
    """A process under supervision.

    Parameters
    ----------
    name
        How people call it, such as "analysis worker".
    argv
        Program and arguments.
    environment
        The whole environment of the process.
    log
        File that takes its output; None for our own output.
    last_signal
        What it gets when we are killed: SIGTERM to finish, SIGKILL where it can be cut short without loss.
    """

    name: str
    argv: Sequence[str]
    environment: dict[str, str]
    log: Path | None = None
    last_signal: int = signal.SIGTERM
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    restarts: int = field(default=0, init=False)
    due: float = field(default=0.0, init=False)

    def start(self) -> None:
        """Start the process in a group of its own, so that a Ctrl-C on the terminal reaches it through us alone."""
        parent = os.getpid()

        def prepare() -> None:
            signal_when_parent_dies(self.last_signal)
            if os.getppid() != parent:
                os._exit(1)

        output = open(self.log, "ab") if self.log else None  # noqa: SIM115 (the child keeps it)
        try:
            self.process = subprocess.Popen(
                self.argv,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=prepare,
            )
        finally:
            if output:
                output.close()
        self.started = time.monotonic()
        self.due = 0.0

    @property
    def code(self) -> int | None:
        """The exit status; None while it runs or before it was started."""
        return self.process.poll() if self.process else None

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to the process, if it still runs."""
        if self.process is not None and self.running():
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """End the process and whatever it started."""
        if self.process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def restart_when_due(self, say: Callable[[str], None]) -> None:
        """Start the process again after it died, each time in a row after a longer pause (1 s to 30 s)."""
        if self.running() or self.process is None:
            return
        now = time.monotonic()
        if not self.due:
            if now - self.started > _STEADY_SECONDS:
                self.restarts = 0
            pause = min(2.0**self.restarts, _LONGEST_PAUSE)
            self.restarts += 1
            self.due = now + pause
            where = f" Its log is {self.log}." if self.log else ""
            say(f"The {self.name} ended with status {self.code}; it starts again in {pause:.0f} s.{where}")
        if now >= self.due:
            self.start()


class Signals:
    """The signals that came in, and a wait that they cut short."""

    def __init__(self) -> None:
        self.stops = 0
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)

    @contextmanager
    def caught(self) -> Iterator["Signals"]:
        """Count SIGINT and SIGTERM instead of dying of them; wake up when a child ends."""

        def stop(_number: int, _frame: object) -> None:
            self.stops += 1

        handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGCHLD: lambda *_: None}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        # A pipe, not an Event: a handler that runs while the main thread holds the Event's lock would wait for ever.
        old = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        try:
            yield self
        finally:
            signal.set_wakeup_fd(old)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._read)
            os.close(self._write)

    def wait(self, seconds: float) -> None:
        """Sleep until a signal comes in, at most `seconds`."""
        if select.select([self._read], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self._read, 512)


def stop_all(children: Sequence[Child], signals: Signals, *, patience: float) -> bool:
    """Ask every child to finish, wait for all of them, and end those that do not in time.

    Parameters
    ----------
    children
        The processes; those that do not run are passed over.
    signals
        A second stop signal ends the wait.
    patience
        Seconds to wait for all of them together.

    Returns
    -------
    bool
        Whether every child finished by itself.
    """
    asked = signals.stops
    for child in children:
        child.send(signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(child.running() for child in children) and time.monotonic() < deadline and signals.stops <= asked:
        signals.wait(0.2)
    late = [child for child in children if child.running()]
    for child in children:
        child.kill_group()
    return not late
