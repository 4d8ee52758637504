"""One REDLINE process under the nemesis: its clock runs fast and jumps, its disk is full when a file says so.

    python bench/chaos.py CONTROL RATE serve|work|cli [arguments of the command line]

``CONTROL`` is a folder: ``jump`` holds the seconds that the wall clock is off, ``full`` exists while the disk has no
space. ``RATE`` is how many seconds pass in one of the machine's; waits are as much shorter. Nothing else differs from
``python -m redline``: ``work`` is an engine without a page, until standard input ends.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.interposed import interpose
from redline.clock import SystemClock


def bend_time(control: Path, rate: float) -> None:
    """Let every ``SystemClock`` of this process run ``rate`` times as fast, with a wall clock that jumps."""
    now, since_boot, sleep = SystemClock.now, SystemClock.since_boot, SystemClock.sleep

    def jumping(self: SystemClock) -> datetime:
        try:
            off_s = float((control / "jump").read_text() or 0)
        except (FileNotFoundError, ValueError):
            off_s = 0.0
        return now(self) + timedelta(seconds=off_s)

    def fast(self: SystemClock) -> float:
        return since_boot(self) * rate

    def short(self: SystemClock, seconds: float, cancel: threading.Event | None = None) -> bool:
        return sleep(self, seconds / rate, cancel)

    SystemClock.now, SystemClock.since_boot, SystemClock.sleep = jumping, fast, short  # type: ignore[method-assign]


def fill_disk(control: Path) -> None:
    """Let writes fail while the disk is full: half of a file is there then, and no transaction ends."""
    full = control / "full"

    def listen(stage: str, moment: str) -> None:
        if full.exists() and (stage, moment) in {
            ("write", "middle"),
            ("mark", "before"),
            ("close", "before"),
            ("export", "middle"),
        }:
            with (control / "full.log").open("a") as out:
                out.write(f"{stage}\n")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    interpose(listen)


def main() -> int:
    """Be the process that the arguments name."""
    control, rate, verb = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    bend_time(control, rate)
    fill_disk(control)
    if verb == "work":
        from redline.engine import install_logging, open_engine
        from redline.errors import RedlineError

        install_logging("WARNING")
        try:
            with open_engine():
                print("ready", flush=True)
                sys.stdin.read()
        except RedlineError as error:
            print(error.sentence, error.hint, flush=True)
            return 1
        return 0
    from redline.cli import main as command_line

    return command_line(sys.argv[4:] if verb == "cli" else ["serve", *sys.argv[4:]])


if __name__ == "__main__":
    sys.exit(main())
