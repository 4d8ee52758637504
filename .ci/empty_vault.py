"""Refuse a committed key vault that is not empty: no key, not even an encrypted one, leaves the machine by git.

It reads git's index, not the working tree: local keys are what the file is for.
"""

from __future__ import annotations

import json
import subprocess
import sys

VAULT = "redline/config/api_keys.json"


def main() -> int:
    """Return 0 when the indexed vault holds no row, else 1 with what to do."""
    shown = subprocess.run(["git", "show", f":{VAULT}"], capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        print(f"{VAULT} is not in git's index; it ships empty.", file=sys.stderr)
        return 1
    if json.loads(shown.stdout).get("rows") != {}:
        print(f"{VAULT} in git's index is not empty. Take it out: git checkout HEAD -- {VAULT}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
