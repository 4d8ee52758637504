"""``python -m redline VERB``."""

from __future__ import annotations

import sys

from redline.cli import main

if __name__ == "__main__":
    sys.exit(main())
