"""Answers to what-if questions, such as ``python -m saddle_escape classify gelu``.

Prints a sentence, then keys and values, or a table where there are several rows; with ``--json``
one JSON value instead. ``--plot FILE`` draws the answer as well. Bad input ends with exit status 2
and one line that names the argument and what is valid.
"""

import argparse
import json
import os
import re
import sys

from .. import process
from . import classify, escape, flow, homotopy, limit, pictures, predict, verify
from .arguments import printable

COMMANDS = (classify, predict, escape, limit, flow, homotopy, verify)
DESCRIPTION = "Saddle escape of deep nonlinear networks: answers to what-if questions."
OUTPUT_FAILED, FAILED, INTERRUPTED = 1, 3, 130
EXIT = (
    "Exit status: 0 answered, also where the answer is a status without a time; 1 the answer could "
    "not be written; 2 bad arguments, nothing computed or written; 3 `verify` found a result that "
    "is not as computed, or `escape`, `flow` or `limit` came to its limit of evaluations or steps; "
    "130 interrupted."
)


class _OneLineParser(argparse.ArgumentParser):
    """Errors are one printable line, without the usage block; names are not abbreviated."""

    def __init__(self, **options):
        super().__init__(**options, allow_abbrev=False)
        # argparse takes -1e9 and -inf for options; here they are numbers, and out of range
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)

    def error(self, message):
        self.exit(2, printable(f"{self.prog}: {message}") + "\n")


def _parser():
    parser = _OneLineParser(prog="saddle_escape", description=DESCRIPTION, epilog=EXIT)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        command.add_argument("--json", action="store_true", help="print one JSON value")
        module.add_arguments(command)
        command.set_defaults(
            run=module.run,
            sentence=module.sentence,
            failed=getattr(module, "failed", lambda answer: False),
            plot=None,
            refuse=command.error,
        )
        if hasattr(module, "picture"):
            pictures.add_argument(command)
            command.set_defaults(picture=module.picture)
    return parser


def _print(result):
    if isinstance(result, list):
        _print_table(result)
        return
    for key, value in result.items():
        print(f"{key:>20}  {_word(value)}")


def _print_table(rows):
    """A line for each row under the names of the columns."""
    if not rows:
        return
    lines = [list(rows[0]), *([_word(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.rjust(width) for cell, width in zip(line[:-1], widths, strict=False))
        print("  ".join([*cells, line[-1]]))


def _word(value):
    """A value to read, a number to six digits; JSON has them all."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else printable(value)


def main(argv=None):
    """Run one command; returns the exit status. Raises SystemExit(2) for bad input."""
    args = _parser().parse_args(argv)
    try:
        result = args.run(args)
    except ValueError as error:
        args.refuse(error)
    except ArithmeticError:
        args.refuse("a result is beyond the range of floats; give larger scales or fewer layers")
    if args.plot:
        pictures.write(args.picture(args, result), args.plot)
    if args.json:
        print(json.dumps(result, allow_nan=False))
    else:
        print(args.sentence(result))
        _print(result)
    return FAILED if args.failed(result) else 0


def program():
    """:func:`main` as a process: quiet where its reader has gone, one line where a disk is full."""
    process.tune()
    try:
        try:
            return main()
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        return _abandon_output()
    except OSError as error:
        print(printable(f"saddle_escape: {error}"), file=sys.stderr)
        return _abandon_output()
    except KeyboardInterrupt:
        return INTERRUPTED


def _abandon_output():
    """Point standard output elsewhere: the interpreter flushes it once more on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return OUTPUT_FAILED
