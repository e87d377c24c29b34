"""The command line, one module per command.

A command is a module with ``SUMMARY`` (its line in the help), ``add_arguments(parser)``,
``run(args)`` and ``sentence(answer)``. ``run`` returns a dict, or a list of dicts, for JSON:
strings, finite numbers, and None where there is no value; ``sentence`` puts it in words. ``run``
raises ValueError, one line naming the argument, for input it cannot use. A command is listed in
:mod:`main`, and takes its numbers from the table of :mod:`arguments`. Modules that take long to
import (numpy, SymPy, torch) are imported inside ``run``: a help text needs none.
"""
