"""The command line: ``python -m redline VERB``. Each verb parses, calls the engine and prints; nothing more.

Exit codes: 0 complete, 1 incomplete (a script must see a gap) or a source that failed, 2 wrong use or configuration.
"""

from __future__ import annotations

import os
import sys

from redline.cli.arguments import parser
from redline.cli.codes import INCOMPLETE, code_of
from redline.cli.output import Output
from redline.engine import install_logging
from redline.errors import RedlineError

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit code; a deliberate error becomes a sentence and a hint, never a stack."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["emulator"]:  # Its arguments are its own.
        from redline.cli.serve import emulator

        return emulator(argv[1:])
    arguments = parser().parse_args(argv)
    output = Output(as_json=arguments.json, quiet=arguments.quiet)
    install_logging("WARNING")
    try:
        code = int(arguments.run(arguments, output))
        sys.stdout.flush()
        return code
    except RedlineError as error:
        output.error(error)
        return code_of(error)
    except BrokenPipeError:  # Whoever read the answer has seen enough, as `| head -1` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INCOMPLETE
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. What was fetched is kept; ask again to go on.\n")
        return INCOMPLETE
