"""One process that has imported the libraries; the jobs of a local run are its forks.

Most jobs take less time than the import of what they compute with. On Linux the Snakefile of a run
with many jobs calls :func:`start`, and a script calls :func:`hand_over` before it imports anything
large: the server forks, and the fork runs the script with the arguments, environment, folder and
streams of the script's own process, which waits and ends as the fork does. Whichever of Snakemake,
the server and a script's process ends first, its forks end with it.

A script that comes before the libraries are there, wants several threads or finds no server runs
in its own process, as scripts do. ``SADDLE_ESCAPE_FORKS=0`` lets all of them do so; 1 starts one
for however few jobs.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import secrets
import selectors
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from . import process

LIBRARIES = (  # what many jobs import and is not this project's
    "torch",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.optimize",
    "scipy.special",
    "sympy.assumptions.wrapper",
    "sympy.codegen.ast",
    "sympy.physics.units",
    "sympy.tensor.tensor",
    "pandas.io.formats.csvs",
    "xarray",
    "h5netcdf",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "snakemake.io",
    "snakemake.iocontainers",
)
MANY = 8  # jobs, from which on two seconds of imports are worth it
PLACE = "SADDLE_ESCAPE_FORKSERVER"  # the name of the server's socket, for its clients
WANTED = "SADDLE_ESCAPE_FORKS"
STREAMS = (0, 1, 2)
LONGEST = 1 << 18  # bytes of a request
KIND = (socket.AF_UNIX, socket.SOCK_SEQPACKET)  # a request and its answer are one message each
CREDENTIALS = "3i"  # of a socket's other end: process, user, group
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h

_started = []  # servers, whose standard input stays open as long as this process holds it


# --- whoever wants forks --------------------------------------------------------------------------


def start(jobs: int) -> bool:
    """Start a server for ``jobs`` scripts that this process starts; it ends with this process.

    Returns whether it did: not for fewer than MANY, where forks are not wanted, and beside Linux,
    where a fork of a process with libraries is not safe.
    """
    wanted = os.environ.get(WANTED) or str(int(jobs >= MANY))
    if wanted == "0" or sys.platform != "linux":
        return False
    os.environ[PLACE] = f"saddle_escape-{secrets.token_hex(16)}"
    library = {"PYTHONPATH": str(Path(__file__).parents[1])}
    _started.append(
        subprocess.Popen(
            [sys.executable, "-m", __name__, os.environ[PLACE]],
            stdin=subprocess.PIPE,
            env={**os.environ, **process.with_threads(1), **library},
        )
    )
    return True


def hand_over(threads: int) -> None:
    """Let a fork of the server run this process's script, and end with its status.

    Returns, for the script to run here, if no server is ready or ``threads`` is not 1.
    """
    place = os.environ.pop(PLACE, None)
    if place is None or threads != 1:
        return
    own = {"argv": sys.argv, "path": sys.path, "folder": os.getcwd(), "environ": dict(os.environ)}
    with socket.socket(*KIND) as server:
        try:
            server.connect(f"\0{place}")
            socket.send_fds(server, [json.dumps(own).encode()], STREAMS)
        except OSError:
            return
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        status = b""
        with suppress(ConnectionResetError):
            status = server.recv(16)
    if not status:
        os.write(2, b"forkserver: it was ended, and this job with it\n")
    os._exit(int(status or 1))


# --- the server -----------------------------------------------------------------------------------


def main(place: str) -> None:
    """Import the libraries, fork for each client until standard input is closed."""
    process.tune()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Snakemake's to answer; it then closes the input
    try:
        for library in LIBRARIES:
            import_module(library)
        os.close(os.pidfd_open(os.getpid()))
        if len(os.listdir("/proc/self/task")) > 1:
            raise RuntimeError("a library has started threads, which a fork would be without")
        gc.freeze()
        listener = socket.socket(*KIND)
        listener.bind(f"\0{place}")  # an abstract name: no file, none left behind
        listener.listen(128)
    except Exception as error:
        sys.exit(f"forkserver: {type(error).__name__}: {error}; jobs import for themselves")
    request = _serve(listener)
    if request:
        _run(request)


def _serve(listener):
    """The request that this process, then a fork, is to fulfil; None in the server, at its end."""
    forks = {}  # {client: (process, its descriptor)}
    events = selectors.DefaultSelector()
    events.register(listener, selectors.EVENT_READ)
    events.register(0, selectors.EVENT_READ)

    def accept():
        client, _ = listener.accept()
        message, streams = _received(client)
        try:
            fork = os.fork() if message else None
        except OSError as error:
            os.write(2, f"forkserver: {error}\n".encode())
            fork = None
        if fork == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for other, (_, ended) in forks.items():
                other.close()
                os.close(ended)
            for own in (client, listener, events):
                own.close()
            return {**json.loads(message), "streams": streams}
        for stream in streams:
            os.close(stream)
        if fork is None:
            client.close()
        else:
            forks[client] = fork, os.pidfd_open(fork)
            events.register(client, selectors.EVENT_READ)
            events.register(forks[client][1], selectors.EVENT_READ, client)
        return None

    def answer(client):
        """Say how the fork of a client has ended."""
        fork, ended = forks.pop(client)
        code = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
        with suppress(OSError):
            client.send(str(code if code >= 0 else 128 - code).encode())
        for own in (client, ended):
            with suppress(KeyError):
                events.unregister(own)
        client.close()
        os.close(ended)

    while True:
        for event, _ in events.select():
            if event.fileobj == 0:  # whoever started the server has ended; its forks end with it
                return None
            if event.fileobj is listener:
                if request := accept():
                    return request
            elif event.data is not None:
                answer(event.data)
            elif event.fileobj in forks:  # a client has ended: so does its fork, an event by itself
                os.kill(forks[event.fileobj][0], signal.SIGKILL)
                events.unregister(event.fileobj)


def _received(client):
    """A client's request and its streams; nothing of another user, or if it has ended."""
    credentials = client.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(CREDENTIALS)
    )
    if struct.unpack(CREDENTIALS, credentials)[1] != os.getuid():
        return b"", []
    try:
        message, streams, _, _ = socket.recv_fds(client, LONGEST, len(STREAMS))
    except OSError:
        return b"", []
    return message, streams


def _run(request):
    """Be the process of a script, to its end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, own in zip(request["streams"], STREAMS, strict=True):
        os.dup2(stream, own)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[:], sys.path[:] = request["argv"], request["path"]
    status = 1
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:  # without Python's own end, which visits every object of every library
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
