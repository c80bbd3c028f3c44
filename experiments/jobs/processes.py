"""Supervision of several processes: started together, restarted when they die, stopped together."""

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

from experiments.translation import gettext

_PR_SET_PDEATHSIG = 1
_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0


def signal_when_parent_dies(number: int = signal.SIGTERM) -> bool:
    """Ask the operating system to send this process a signal when its parent dies, however it dies.

    Returns
    -------
    bool
        False if the system does not support it (it is Linux's ``PR_SET_PDEATHSIG``).
    """
    if not sys.platform.startswith("linux"):
        return False
    parent = os.getppid()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        return False
    if os.getppid() != parent:  # it died before the call
        os.kill(os.getpid(), number)
    return True


@dataclass
class Child:
    """A process under supervision.

    Parameters
    ----------
    name
        Its name in messages, such as "analysis worker".
    argv
        Program and arguments.
    environment
        The complete environment of the process.
    log
        File for its output; None to inherit this process's output.
    last_signal
        Signal when this process is killed: SIGTERM to finish, SIGKILL if it can be interrupted without loss.
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
        """Start the process in a separate group, so that a Ctrl-C on the terminal reaches only this process."""
        parent = os.getpid()

        def prepare() -> None:
            signal_when_parent_dies(self.last_signal)
            if os.getppid() != parent:
                os._exit(1)

        output = open(self.log, "ab") if self.log else None  # noqa: SIM115 (the child uses it)
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
        """The exit status; None while it runs or before its start."""
        return self.process.poll() if self.process else None

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to the process, if it still runs."""
        if self.process is not None and self.running():
            self.process.send_signal(number)

    def kill_group(self) -> None:
        """Kill the process and its children."""
        if self.process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def restart_when_due(self, say: Callable[[str], None]) -> None:
        """Restart the process after it died, after a pause that grows with each restart (1 s to 30 s)."""
        if self.running() or self.process is None:
            return
        now = time.monotonic()
        if not self.due:
            if now - self.started > _STEADY_SECONDS:
                self.restarts = 0
            pause = min(2.0**self.restarts, _LONGEST_PAUSE)
            self.restarts += 1
            self.due = now + pause
            message = (
                gettext("The {name} exited with status {status}. It restarts in {pause:.0f} s. Its log is {log}.")
                if self.log
                else gettext("The {name} exited with status {status}. It restarts in {pause:.0f} s.")
            )
            say(message.format(name=self.name, status=self.code, pause=pause, log=self.log))
        if now >= self.due:
            self.start()


class Signals:
    """Received stop signals, and a wait that they interrupt."""

    def __init__(self) -> None:
        self.stops = 0
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)

    @contextmanager
    def caught(self) -> Iterator["Signals"]:
        """Count SIGINT and SIGTERM instead of exiting; wake up when a child exits."""

        def stop(_number: int, _frame: object) -> None:
            self.stops += 1

        handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGCHLD: lambda *_: None}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        # A pipe instead of an Event: a handler that interrupts a holder of the Event's lock would deadlock.
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
        """Sleep until a signal arrives, at most `seconds`."""
        if select.select([self._read], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(self._read, 512)


def stop_all(children: Sequence[Child], signals: Signals, *, patience: float) -> bool:
    """Stop every child with SIGTERM, wait for all of them, and kill those that do not exit in time.

    Parameters
    ----------
    children
        The processes; those that do not run are ignored.
    signals
        A second stop signal ends the wait.
    patience
        Seconds to wait for all of them.

    Returns
    -------
    bool
        Whether every child exited in time.
    """
    stops = signals.stops
    for child in children:
        child.send(signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(child.running() for child in children) and time.monotonic() < deadline and signals.stops <= stops:
        signals.wait(0.2)
    late = [child for child in children if child.running()]
    for child in children:
        child.kill_group()
    return not late
