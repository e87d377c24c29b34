"""Every worker keeps memory as the project's own processes do."""

from saddle_escape import process

process.tune()
