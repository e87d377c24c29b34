"""A SLURM of two pretended nodes on this machine, for as long as a test needs it."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "setpriv")
NODES = ("n1", "n2")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=3600
KillWait=1
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} {size}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} {size}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
SIZE = "CPUs=1 RealMemory=4000 Gres=gpu:1 State=UNKNOWN"  # whatever the machine has
GPUS = "NodeName=n[1-2] Name=gpu Count=1 File=/dev/null\n"


def missing():
    """Why no SLURM can be started here, or an empty string."""
    absent = [name for name in DAEMONS if shutil.which(name) is None]
    if absent:
        return f"no {absent[0]} here: install Debian's packages `slurm-wlm` and `munge`"
    return "" if os.geteuid() == 0 else "slurmd needs root"


@contextmanager
def cluster(folder):
    """Start the daemons; yields the environment in which SLURM's commands reach them."""
    configure(folder)
    environment = os.environ | {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
    }
    commands = [
        ["munged", "--foreground", "--force", *munge_files(folder)],
        ["slurmctld", "-D"],
        *(["slurmd", "-D", "-N", node] for node in NODES),
    ]
    with ExitStack() as stack:
        for number, command in enumerate(commands):
            log = stack.enter_context((folder / f"{number}.log").open("w"))
            # they end with this process however it ends
            command = ["setpriv", "--pdeathsig", "TERM", *command]
            daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(daemon.wait, timeout=20)
            stack.callback(daemon.terminate)
        stack.callback(end_jobs, environment)
        wait_until_idle(folder, environment)
        yield environment


def configure(folder):
    """Write the configuration, the key of munge and a `srun` that finds the configuration."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(1 + len(NODES))]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in sockets]
    for name in ("bin", "state"):
        (folder / name).mkdir()
    text = CONFIGURATION.format(
        host=socket.gethostname().partition(".")[0], folder=folder, ports=ports, size=SIZE
    )
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text(GPUS)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    srun = folder / "bin/srun"  # the executor calls it without SLURM_CONF
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)


def munge_files(folder):
    names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    return [f"--{option}={folder}/munge.{name}" for option, name in names.items()]


def wait_until_idle(folder, environment, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = ask(environment, "sinfo", "--noheader", "--Node", "--format=%t").split()
        if states == ["idle"] * len(NODES):
            return
        time.sleep(0.1)
    logs = "\n".join(path.read_text()[-1000:] for path in sorted(folder.glob("*.log")))
    raise AssertionError(f"SLURM did not come up\n{logs}")


def end_jobs(environment, seconds=20):
    """Cancel what still runs: a job would outlive the daemons."""
    ask(environment, "scancel", "--user=root")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not ask(environment, "squeue", "--noheader", "--states=running,completing"):
            return
        time.sleep(0.1)


def ask(environment, *command):
    """What one of SLURM's commands prints."""
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout
