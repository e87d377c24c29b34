"""`snakemake --logger progress`: a line for each finished job and the time that is left.

Snakemake finds the package by its name where this folder is on Python's path, as it is in the
environment that make builds. What is left out here stands in Snakemake's own log, whose path the
last line gives. On a terminal a bar at the bottom names the jobs that run.
"""

import logging
import os
import sys
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from .estimate import Estimate, in_words, job_seconds

JOB_TIMES = Path(__file__).parents[2] / "figures" / "job_times.csv"
LAST_LINES = 12  # of a failed job's log
DETAILS = {
    LogEvent.WORKFLOW_STARTED,
    LogEvent.SHELLCMD,
    LogEvent.JOB_STARTED,
    LogEvent.RULEGRAPH,
}
SMALL_TALK = (  # Snakemake's remarks, by their first words
    "Assuming unrestricted",
    "Using shell",
    "Rules claiming more threads",
    "Select jobs",
    "Elapsed time",
)
ADVICE = {  # in place of Snakemake's paragraphs, by what they say
    "Directory cannot be locked": "A run is at work in this folder, or one was killed here:"
    " let it finish, or go on with `make resume`.",
    "files below seem to be incomplete": "A killed run left incomplete files here:"
    " go on with `make resume`.",
}
BAR = "{percentage:3.0f} % |{bar:30}| {desc}  "  # what a job writes itself lands behind it


class LogHandler(LogHandlerBase):
    """Writes to standard error (a dry run: to standard output) what a person wants to see."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False  # --quiet is Snakemake's own filter
    has_formatter = False  # and so is the text of what is passed on
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self.jobs: dict[int, logging.LogRecord] = {}  # that run, by their numbers
        self.counts: dict[str, int] = {}  # of jobs, by their rules
        self.cores = os.cpu_count() or 1
        self.estimate: Estimate | None = None
        self.start = 0.0
        self.bar = None
        self.events = {
            LogEvent.RESOURCES_INFO: self.resources_info,
            LogEvent.RUN_INFO: self.run_info,
            LogEvent.JOB_INFO: self.job_info,
            LogEvent.JOB_FINISHED: self.job_finished,
            LogEvent.PROGRESS: self.progress,
            LogEvent.JOB_ERROR: self.job_error,
        } | dict.fromkeys(DETAILS, lambda record: None)

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        try:
            if self.common_settings.dryrun:
                self.pass_on(record)
            else:
                self.events.get(event, self.pass_on)(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self.close_bar()
        super().close()

    # --- what happens -----------------------------------------------------------------------------

    def pass_on(self, record: logging.LogRecord) -> None:
        """Snakemake's own text, small talk left out."""
        text = self.format(record)
        text = next((advice for said, advice in ADVICE.items() if said in text), text)
        small = record.levelno < logging.WARNING and text.startswith(SMALL_TALK)
        if text not in ("", "None") and (self.common_settings.dryrun or not small):
            self.write(text)

    def resources_info(self, record: logging.LogRecord) -> None:
        """How many cores there are, among other remarks."""
        self.cores = getattr(record, "cores", None) or self.cores

    def run_info(self, record: logging.LogRecord) -> None:
        """How many jobs there are."""
        self.counts = dict(record.stats)
        total = self.counts.pop("total")
        self.start = record.created
        self.write(f"{total} {'job' if total == 1 else 'jobs'} to run")
        if self.stream.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, file=self.stream, bar_format=BAR, leave=False)

    def job_info(self, record: logging.LogRecord) -> None:
        """A job starts; the first one with a tier tells whose costs are the ones to expect."""
        self.jobs[record.jobid] = record
        if self.estimate is None and "tier" in record.wildcards:
            seconds = job_seconds(JOB_TIMES, record.wildcards["tier"])
            self.estimate = Estimate(seconds, self.counts, self.cores)
        self.show_running(record.created)

    def job_finished(self, record: logging.LogRecord) -> None:
        """Kept for the line of the progress, which follows."""
        self.last = self.jobs.pop(record.job_id)
        if self.estimate:
            self.estimate.finish(self.last.rule_name)

    def progress(self, record: logging.LogRecord) -> None:
        """The line of a finished job."""
        done, total, took = record.done, record.total, record.created - self.last.created
        count = f"[{done:{len(str(total))}}/{total}] {100 * done // total:3d} %"
        self.write(f"{count}{self.left(record.created)}  {name(self.last)} ({in_words(took)})")
        if self.bar is not None:
            self.bar.n = done
        self.show_running(record.created)
        if done == total:
            self.close_bar()

    def job_error(self, record: logging.LogRecord) -> None:
        """Which job failed, and how its log ends."""
        job = self.jobs.pop(record.jobid, record)
        self.write("\n".join([f"FAILED: {name(job)}", *map(tail, record.log)]))

    # --- what is shown ----------------------------------------------------------------------------

    def left(self, now: float) -> str:
        """`, about 5 min left`, or nothing where there is no telling."""
        running = [(job.rule_name, now - job.created) for job in self.jobs.values()]
        left = self.estimate.left(now - self.start, running) if self.estimate else None
        return f", about {in_words(left)} left" if left else ""

    def show_running(self, now: float) -> None:
        if self.bar is not None:
            running = ", ".join(map(name, self.jobs.values()))
            self.bar.set_description_str(f"{self.left(now).removeprefix(', ')}  {running}".strip())

    def close_bar(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None

    def write(self, text: str) -> None:
        """Text above the bar."""
        if self.bar is None:
            print(text, file=self.stream, flush=True)
        else:
            self.bar.write(text, file=self.stream)


def name(job: logging.LogRecord) -> str:
    """A job's rule with its wildcards, the tier left out."""
    values = [v for k, v in getattr(job, "wildcards", {}).items() if k != "tier"]
    return " ".join([job.rule_name, *values])


def tail(log: str) -> str:
    """A log file's path, and below it its last lines."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"  log: {log}, which was not written"
    if lines[-1:] == ["KeyboardInterrupt"]:
        return f"  log: {log}, interrupted"
    return "\n".join([f"  log: {log}, which ends:", *(f"    {l}" for l in lines[-LAST_LINES:])])
