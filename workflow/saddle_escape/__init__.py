"""Saddle escape in deep nonlinear networks: the library behind the workflow.

``theory`` (the mathematics), ``training`` (full networks), ``studies`` (what is computed),
``figures`` (how it is drawn), ``claims`` (what is held against the paper), ``cli`` (the command
line) and ``artifact`` (what describes the repository). docs/architecture.md says which may import
which.
"""

__version__ = "0.1.0"
