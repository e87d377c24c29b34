"""Check a configuration before Snakemake does anything with it: check_config.py TIER FILE

Snakemake reads the file of ``--configfile`` before it reads the workflow: one that it cannot read
ends in a traceback, and in one with the key ``__use_yte__`` it runs the Python it finds.
"""

import sys
from pathlib import Path

from saddle_escape.config import ConfigError, load_tiers

if __name__ == "__main__":
    tier, file = sys.argv[1:]
    try:
        load_tiers(Path("config"), {"tier": tier}, [file])
    except ConfigError as error:
        sys.exit(f"Configuration error: {error}")
