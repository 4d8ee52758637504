"""Start REDLINE's web app: ``python app.py``, the same as ``python -m redline serve``."""

from __future__ import annotations

import sys

from redline.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
