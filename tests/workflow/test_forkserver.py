"""Jobs that are forks of one process: the same to whoever looks, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from saddle_escape import forkserver

from .conftest import SNAKEMAKE, run, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux alone")

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow"
SERVER = """
import sys
from saddle_escape import forkserver
forkserver.LIBRARIES = {libraries}
forkserver.main(sys.argv[1])
"""
SCRIPT = f"""
import json, os, sys, time
sys.path.insert(0, {str(LIBRARY)!r})
from saddle_escape import forkserver
forked = 'colorsys' in sys.modules  # as the server has imported it
forkserver.hand_over(%d)
%s
"""
WAIT = "print(os.getpid(), flush=True); time.sleep(600)"  # longer than any test
PATIENCE = 30  # s


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def serve(place, libraries=("colorsys",)):
    """A server with few libraries; its socket is there when the abstract name is listed."""
    return subprocess.Popen(
        [sys.executable, "-c", SERVER.format(libraries=libraries), place],
        cwd=LIBRARY,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def server(monkeypatch):
    place = f"saddle_escape-test-{os.getpid()}-{time.monotonic_ns()}"
    process = serve(place)
    until(lambda: f"@{place}" in Path("/proc/net/unix").read_text())
    monkeypatch.setenv(forkserver.PLACE, place)
    yield process
    process.kill()
    with process:
        process.wait()


@pytest.fixture
def script(tmp_path):
    """Function: a process of a script with this body."""
    begun = []

    def begin(body, *arguments, threads=1, **options):
        path = tmp_path / f"script-{time.monotonic_ns()}.py"
        path.write_text(SCRIPT % (threads, body))
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, str(path), *arguments]
        begun.append(subprocess.Popen(command, text=True, **(streams | options)))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        with process:  # closes its streams
            process.wait()


TELL = """
things = {"argv": sys.argv[1:], "folder": os.getcwd(), "environ": dict(os.environ),
    "path": sys.path, "name": __name__, "file": __file__ == sys.argv[0], "words": sys.stdin.read()}
print("to stderr", file=sys.stderr)
print(json.dumps([things, forked, os.getppid()]))
"""


def test_a_fork_sees_what_the_script_s_own_process_would(server, script, tmp_path):
    def tell(environment):
        job = script(TELL, "one", "two words", cwd=tmp_path, env=environment)
        out, err = job.communicate("said\n")
        assert (job.returncode, err) == (0, "to stderr\n")
        return json.loads(out)

    by_itself = dict(os.environ, A="b")
    del by_itself[forkserver.PLACE]
    forked, alone = tell(dict(os.environ, A="b")), tell(by_itself)
    for things in (forked[0], alone[0]):
        things["path"] = list(dict.fromkeys(things["path"]))  # the fork inserts once more
    assert forked[0] == alone[0]
    assert forked[0]["words"] == "said\n" and forked[0]["environ"]["A"] == "b"
    assert alone[1:] == [False, os.getpid()]
    assert forked[1:] == [True, server.pid]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('what is wrong')", 1, "what is wrong"),
        ("raise ValueError('what is wrong')", 1, "ValueError: what is wrong"),
        ("os.kill(os.getpid(), 9)", 128 + signal.SIGKILL, ""),
        ("import atexit; atexit.register(print, 'the end', file=sys.stderr)", 0, "the end"),
        ("sys.stderr.write('unfinished')", 0, "unfinished"),
    ],
)
def test_the_script_s_process_ends_as_its_fork_does(server, script, body, status, words):
    job = script(body)
    _, err = job.communicate()
    assert job.returncode == status
    assert (err.splitlines() or [""])[-1] == words


def test_many_at_once_are_not_mixed_up(server, script):
    jobs = [script(f"time.sleep(0.2); print({n}); sys.exit({n})") for n in range(20)]
    assert [(job.communicate()[0], job.returncode) for job in jobs] == [
        (f"{n}\n", n) for n in range(20)
    ]
    until(lambda: psutil.Process(server.pid).num_fds() < 10)  # of nobody who has ended


@pytest.mark.parametrize("why", ["two threads", "no server", "none is named"])
def test_it_runs_in_its_own_process_otherwise(server, script, monkeypatch, why):
    if why == "no server":
        monkeypatch.setenv(forkserver.PLACE, "saddle_escape-nobody")
    elif why == "none is named":
        monkeypatch.delenv(forkserver.PLACE)
    threads = 2 if why == "two threads" else 1
    job = script(f"print(forked, {forkserver.PLACE!r} in os.environ)", threads=threads)
    assert job.communicate()[0].split() == ["False", "False"]


def test_who_ends_takes_the_forks_along(server, script):
    """The script's process takes its own, Snakemake (the standard input) or the server all."""
    first, other = script(WAIT), script(WAIT)
    pids = [int(job.stdout.readline()) for job in (first, other)]
    first.kill()
    until(lambda: gone(pids[0]))
    assert not gone(pids[1]) and other.poll() is None
    server.stdin.close()
    until(lambda: gone(pids[1]))
    assert other.wait(PATIENCE) == 1
    assert other.stderr.read() == "forkserver: it was ended, and this job with it\n"
    assert server.wait(PATIENCE) == 0


def test_a_killed_server_takes_the_forks_along(server, script):
    job = script(WAIT)
    pid = int(job.stdout.readline())
    server.kill()
    until(lambda: gone(pid))
    assert job.wait(PATIENCE) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_gets_nothing(server, script, tmp_path):
    mark = tmp_path / "mark"
    code = f"""
import os, socket
os.setuid(65534)
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect("\\0" + os.environ[{forkserver.PLACE!r}])
    try:
        socket.send_fds(server, [b"{{}}"], [0, 1, 2])
        print(server.recv(16) or "nothing")
    except (BrokenPipeError, ConnectionResetError):
        print("nothing")"""
    assert run([sys.executable, "-c", code], ROOT).stdout == "nothing\n"
    assert script(f"open({str(mark)!r}, 'w')").wait(PATIENCE) == 0 and mark.exists()


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("threaded", "RuntimeError: a library has started threads"),
    ],
)
def test_a_server_that_cannot_serve_says_so_in_one_line(tmp_path, monkeypatch, library, words):
    (tmp_path / "threaded.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    _, err = serve("saddle_escape-nobody", (library,)).communicate(timeout=PATIENCE)
    (line,) = err.splitlines()
    assert line.startswith(f"forkserver: {words}") and line.endswith("; jobs import for themselves")


@pytest.mark.parametrize(
    ("jobs", "wanted", "platform", "started"),
    [
        (forkserver.MANY, None, "linux", True),
        (forkserver.MANY - 1, None, "linux", False),
        (forkserver.MANY, "0", "linux", False),
        (1, "1", "linux", True),
        (forkserver.MANY, None, "darwin", False),
        (forkserver.MANY, "1", "win32", False),
    ],
)
def test_when_a_server_is_started(monkeypatch, jobs, wanted, platform, started):
    servers = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **options: servers.append(options["env"]))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(forkserver, "_started", [])
    monkeypatch.setenv(forkserver.PLACE, "")  # put back at the end
    monkeypatch.setenv(forkserver.WANTED, wanted) if wanted else None
    assert forkserver.start(jobs) is started
    assert len(servers) == started
    if started:
        assert servers[0][forkserver.PLACE] == os.environ[forkserver.PLACE] != ""
        assert servers[0]["OMP_NUM_THREADS"] == "1"


def test_a_killed_workflow_leaves_no_fork(tree):
    """Of a run with more jobs than MANY: the server, its forks and their scripts end with it."""
    workflow = subprocess.Popen(
        [*SNAKEMAKE, "--config", "tier=smoke", "--", "claims"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    whole = psutil.Process(workflow.pid)

    def named():
        processes = psutil.process_iter(["cmdline"])
        return {p.pid for p in processes if "saddle_escape.forkserver" in (p.info["cmdline"] or ())}

    def forks():
        servers = (child for child in whole.children() if child.pid in named())
        return [fork for server in servers for fork in server.children()]

    try:
        until(forks)
        running = whole.children(recursive=True)
        assert len(running) >= 3  # the server, a fork and its script
    finally:
        workflow.kill()
        workflow.wait()
    until(lambda: all(gone(process.pid) for process in running))
