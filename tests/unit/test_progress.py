"""What `snakemake --logger progress` shows: records in, lines out; and one small run of its own."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import snakemake_logger_plugin_progress as progress
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import TestLogHandlerBase as Interface
from snakemake_logger_plugin_progress.estimate import Estimate, in_words, job_seconds

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def overhead(monkeypatch):
    """A second a job, for times that one can add up."""
    monkeypatch.setattr("snakemake_logger_plugin_progress.estimate.OVERHEAD", 1.0)


class TestInterface(Interface):
    """Snakemake's own tests of a logger plugin."""

    __test__ = True

    def get_log_handler_cls(self):
        return progress.LogHandler

    def get_log_handler_settings(self):
        return None

    # an event alone, which Snakemake never sends: the handler knows no job for it
    test_progress_event = test_job_info_event = None


def record(event, created=0.0, level=logging.INFO, message="", **values):
    made = logging.LogRecord("snakemake", level, "", 0, message, (), None)
    for key, value in ({"event": event, "created": created} | values).items():
        setattr(made, key, value)
    return made


def job(number, rule, created, **wildcards):
    values = {"jobid": number, "rule_name": rule, "wildcards": wildcards}
    return record(LogEvent.JOB_INFO, created, **values)


def finished(number, created, done, total):
    return [
        record(LogEvent.JOB_FINISHED, created, job_id=number),
        record(LogEvent.PROGRESS, created, done=done, total=total),
    ]


@pytest.fixture
def shown(monkeypatch, tmp_path, capsys):
    """Function that gives records to a new handler and returns the lines on standard error."""
    times = tmp_path / "times.csv"
    times.write_text("tier,rule,jobs,cpu_seconds\nsmoke,long,2,198\nfull,long,1,9999\n")
    monkeypatch.setattr(progress, "JOB_TIMES", times)

    class Settings:
        dryrun = stdout = False

    def show(*records, **settings):
        common = type("Changed", (Settings,), settings)
        handler = progress.LogHandler(common, None)
        for one in records:
            handler.emit(one)
        handler.close()
        out, err = capsys.readouterr()
        return (out if settings.get("stdout") else err).splitlines()

    return show


def test_a_line_for_each_finished_job_and_the_time_left(shown):
    lines = shown(
        record(LogEvent.RESOURCES_INFO, cores=2),
        record(LogEvent.RUN_INFO, stats={"long": 2, "table": 1, "total": 3}),
        job(1, "long", 0, tier="smoke", r="5"),
        job(2, "long", 40, tier="smoke", r="8"),
        *finished(1, 100, 1, 3),
        *finished(2, 140, 2, 3),
        job(0, "table", 140, tier="smoke"),
        *finished(0, 142, 3, 3),
    )
    assert lines == [
        "3 jobs to run",
        "[1/3]  33 %, about 40 s left  long 5 (2 min)",
        "[2/3]  66 %, about 1 s left  long 8 (2 min)",
        "[3/3] 100 %  table (2 s)",
    ]


def test_of_a_failed_job_the_end_of_its_log(shown, tmp_path):
    log = tmp_path / "job.log"
    log.write_text("".join(f"line {k}\n" for k in range(30)) + "ValueError: why\n")
    failed = {"jobid": 1, "rule_name": "long", "level": logging.ERROR}
    start = job(1, "long", 0, tier="smoke", r="5")
    head, path, *end = shown(start, record(LogEvent.JOB_ERROR, log=[str(log)], **failed))
    assert head == "FAILED: long 5"
    assert path == f"  log: {log}, which ends:"
    assert [line.strip() for line in end] == [
        *(f"line {k}" for k in range(19, 30)),
        "ValueError: why",
    ]
    log.write_text("Traceback\nKeyboardInterrupt\n")
    assert shown(start, record(LogEvent.JOB_ERROR, log=[str(log)], **failed))[1:] == [
        f"  log: {log}, interrupted"
    ]
    log.unlink()
    assert "was not written" in shown(record(LogEvent.JOB_ERROR, log=[str(log)], **failed))[1]


def test_warnings_and_errors_are_passed_on_and_small_talk_is_not(shown):
    def said(message, level=logging.INFO):
        return record(None, level=level, message=message)

    lines = shown(
        said("Select jobs to execute..."),
        said("Select jobs: impossible", logging.WARNING),
        said("Nothing to be done"),
        record(LogEvent.WORKFLOW_STARTED, message="SNAKEMAKE"),
        record(LogEvent.ERROR, level=logging.ERROR, message="LockException"),
    )
    assert lines == ["Select jobs: impossible", "Nothing to be done", "LockException"]


def test_a_dry_run_is_shown_in_full(shown):
    stats = record(LogEvent.RUN_INFO, stats={"total": 1}, message="Job stats")
    assert shown(stats, dryrun=True, stdout=True) == ["Job stats"]


def test_the_estimate():
    seconds = {"long": 59.0}
    run = Estimate(seconds, {"long": 4, "short": 2}, cores=2)
    assert run.left(0) == pytest.approx(242 / 2)  # before anything is known: every core at work
    run.finish("long")
    run.finish("long")
    at_pace = run.left(60)
    assert at_pace == pytest.approx(122 / 2)
    assert run.left(120) > at_pace > run.left(30)  # slower or faster than the costs say
    assert run.left(60, [("long", 30)]) < at_pace
    assert run.left(60, [("long", 30)] * 2) >= 30
    busy = Estimate({"long": 7200.0}, {"long": 1}, cores=2)
    assert busy.left(3600, [("long", 3600)]) == pytest.approx(3601)  # one job, one core
    assert Estimate({}, {"long": 1}, 1).left(10) is None


def test_costs_are_the_tiers_own():
    times = ROOT / "figures/job_times.csv"
    smoke, default = (job_seconds(times, tier) for tier in ("smoke", "default"))
    assert smoke["classify"] > 0
    assert sum(default.values()) > sum(smoke.values())
    assert job_seconds(times, "none") == {} == job_seconds(ROOT / "none.csv", "smoke")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (60, "1 min"), (3540, "59 min"), (4800, "1 h 20 min")],
)
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words


def test_snakemake_finds_it_keeps_its_status_and_writes_all_to_its_log(tmp_path):
    (tmp_path / "Snakefile").write_text(
        'rule all:\n    input: "good", "bad"\n'
        'rule good:\n    output: "good"\n    shell: "touch {output}"\n'
        'rule bad:\n    output: "bad"\n    log: "bad.log"\n    shell: "echo why > {log}; exit 3"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", "--logger", "progress"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert "3 jobs to run" in lines and "FAILED: bad" in lines and "    why" in lines
    assert "[1/3]  33 %  good (1 s)" in lines
    assert len(lines) < 20
    (log,) = (tmp_path / ".snakemake/log").iterdir()
    assert str(log) in done.stderr
    assert "Finished jobid" in log.read_text() and "reason:" in log.read_text()
