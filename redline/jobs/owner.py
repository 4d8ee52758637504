"""Who holds a lease, and whether it still lives: process id, its start time and the boot it belongs to.

A process id alone is re-used; with its start time it is not (until the next boot, which has another id).
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from redline.clock import Clock


@dataclass(frozen=True, slots=True)
class Owner:
    """One runner in one process of one boot. ``name`` tells the runners of a process apart."""

    pid: int
    started: str
    boot: str
    name: str

    @classmethod
    def here(cls, clock: Clock, name: str) -> Owner:
        """Return this process as an owner."""
        return cls(os.getpid(), start_time(os.getpid()) or "", clock.boot_id(), name)

    @classmethod
    def parse(cls, text: str) -> Owner:
        """Return the owner that ``str`` wrote."""
        pid, started, boot, name = text.split("|", 3)
        return cls(int(pid), started, boot, name)

    def __str__(self) -> str:
        return f"{self.pid}|{self.started}|{self.boot}|{self.name}"

    def alive(self, boot_id: str) -> bool:
        """Return whether the process is still there, in this boot; a zombie is not."""
        return self.boot == boot_id and start_time(self.pid) == self.started


def start_time(pid: int) -> str | None:
    """Return when a process of this machine started, in a text that only equals itself; ``None``: it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if after_name[0] in ("Z", "X") else after_name[19]
    listed = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return None if not listed or listed.startswith("Z") else " ".join(listed.split()[1:])
