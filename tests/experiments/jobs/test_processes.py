"""Supervised processes: restarted after growing pauses, stopped together, never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from experiments.jobs.processes import Child, Signals, stop_all
from tests.serving import ROOT

# Reports that it runs, sleeps until SIGTERM, and writes a file when it finishes.
PATIENT = """
import signal, sys, time, pathlib
here = pathlib.Path(sys.argv[1])
def finish(*_):
    here.with_suffix(".finished").write_text("")
    sys.exit(0)
signal.signal(signal.SIGTERM, finish)
here.write_text("")
while True: time.sleep(0.1)
"""
DEAF = PATIENT.replace("signal.signal(signal.SIGTERM, finish)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")


def child(program: str, *arguments: object, **options) -> Child:
    return Child("test process", [sys.executable, "-c", program, *map(str, arguments)], dict(os.environ), **options)


def wait_for(file: Path, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} did not appear"
        time.sleep(0.02)


def gone(pid: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_children_can_finish_before_they_are_killed(tmp_path):
    pair = [child(PATIENT, tmp_path / name) for name in ("a", "b")]
    with Signals().caught() as signals:
        for one in pair:
            one.start()
        for name in ("a", "b"):
            wait_for(tmp_path / name)
        assert stop_all(pair, signals, patience=10)
    assert (tmp_path / "a.finished").exists() and (tmp_path / "b.finished").exists()
    assert [one.code for one in pair] == [0, 0]


def test_a_child_that_does_not_finish_in_time_is_killed(tmp_path):
    deaf = child(DEAF, tmp_path / "a")
    with Signals().caught() as signals:
        deaf.start()
        wait_for(tmp_path / "a")
        assert not stop_all([deaf], signals, patience=0.3)
    assert deaf.code == -signal.SIGKILL


def test_a_second_stop_signal_ends_the_wait(tmp_path):
    deaf = child(DEAF, tmp_path / "a")
    with Signals().caught() as signals:
        deaf.start()
        wait_for(tmp_path / "a")
        later = f"import os, time; time.sleep(0.5); os.kill({os.getpid()}, 15)"
        other = subprocess.Popen([sys.executable, "-c", later])
        begun = time.monotonic()
        assert not stop_all([deaf], signals, patience=60)
        assert time.monotonic() - begun < 30
        other.wait()
        assert signals.stops == 1


def test_a_dead_child_is_restarted_after_growing_pauses(tmp_path):
    messages: list[str] = []
    dying = child("import sys; sys.exit(3)", log=tmp_path / "log")
    dying.start()
    pauses = []
    for _ in range(6):
        dying.process.wait()
        dying.restart_when_due(messages.append)
        pauses.append(round(dying.due - time.monotonic()))
        dying.due = time.monotonic()  # as if the pause were over
        dying.restart_when_due(messages.append)
    dying.process.wait()
    assert pauses == [1, 2, 4, 8, 16, 30]
    assert "status 3" in messages[0] and "1 s" in messages[0] and str(tmp_path / "log") in messages[0]
    assert len(messages) == 6


def test_a_ctrl_c_reaches_only_the_supervisor(tmp_path):
    patient = child(PATIENT, tmp_path / "a")
    patient.start()
    try:
        assert os.getpgid(patient.process.pid) == patient.process.pid != os.getpgrp()
    finally:
        patient.kill_group()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process of its parent's death")
@pytest.mark.parametrize("last_signal", [signal.SIGTERM, signal.SIGKILL])
def test_a_supervisor_that_is_killed_leaves_no_child_behind(tmp_path, last_signal):
    supervisor = f"""
import sys, os, time
from experiments.jobs.processes import Child
command = [sys.executable, "-c", {PATIENT!r}, sys.argv[1]]
child = Child("test", command, dict(os.environ), last_signal={int(last_signal)})
child.start()
print(child.process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", supervisor, str(tmp_path / "a")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        pid = int(process.stdout.readline())
        wait_for(tmp_path / "a")
        process.kill()
        process.wait()
    assert gone(pid)
    assert (tmp_path / "a.finished").exists() == (last_signal == signal.SIGTERM)
