"""Who holds a slot: a process, known by its pid and its start time, for pids are used again."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_DEAD_STATES = {"Z", "X", "x"}  # a killed child that its parent has not waited for yet sends nothing any more


def this_process() -> str:
    """Return the name of this process, different for each process of one boot."""
    return _named(os.getpid())


@cache  # by pid: a forked child asks anew
def _named(pid: int) -> str:
    state = _proc_stat(pid)
    return f"{pid}:{state[1] if state else ''}"


def is_alive(owner: str) -> bool:
    """Tell whether the process that ``this_process`` named still runs.

    Without ``/proc`` the start time is unknown and the pid alone decides; where not even that can be asked, a process
    counts as alive, which may cost slots until the next boot and never breaks the limit.
    """
    pid_text, _, started = owner.partition(":")
    pid = int(pid_text)
    if pid == os.getpid():
        return owner == this_process()
    if Path("/proc/self/stat").exists():
        state = _proc_stat(pid)
        return state is not None and state[0] not in _DEAD_STATES and state[1] == started
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _proc_stat(pid: int) -> tuple[str, str] | None:
    """Return (state letter, start in clock ticks since boot), or None when there is no such process (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return fields[0], fields[19]
