"""The most memory a process took; as a command, run a module as ``python -m`` would and say it on the last line of
standard error: ``python -m tests.memory experiments.commands.cli import ...``.
"""

import runpy
import sys
from pathlib import Path


def peak_mebibytes() -> float:
    """Of this process since its program began: ``ru_maxrss`` would begin with what it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    del sys.argv[0]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        print(f"{peak_mebibytes():.0f}", file=sys.stderr)
