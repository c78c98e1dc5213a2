"""`python -m vae.COMMAND` started by tests as a fork of a process that has its imports already.

A command imports torch and Lightning for some 4.5 seconds before it computes for one, and the tests
start about two hundred. Under Linux, `subprocess.Popen` therefore has a nursery, an interpreter
that has imported them and has done nothing else, fork. The fork is a child of whoever asked
(PR_SET_CHILD_SUBREAPER), with the environment, directory, streams and session that it asked for,
and runs the module as __main__: signals, waiting and exit codes are those of any process.

What an interpreter reads while it starts must not differ (PYTHON*, HOME, OMP_NUM_THREADS, ...);
otherwise, and with VAE_TESTS_FORK=0, a real interpreter is started, as for every other program.
"""

import ctypes
import gc
import inspect
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

Real = subprocess.Popen
# what an interpreter and its libraries read while they start
LATCHED = ("PYTHON", "HOME", "XDG_", "TMPDIR", "LD_", "OMP_", "MKL_")
_PR_SET_CHILD_SUBREAPER = 36


class Nursery:
    """Forks commands for the process that made it."""

    def __init__(self, process, mine):
        self.process, self.socket = process, mine
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def fork(self, argv, cwd, environ, streams, new_session):
        """The process that runs a command."""
        text = json.dumps([list(map(str, argv[2:])), str(cwd or Path.cwd()), environ, new_session])
        socket.send_fds(self.socket, [len(text.encode()).to_bytes(8, "big")], streams)
        self.socket.sendall(text.encode())
        return int.from_bytes(_exactly(self.socket, 8), "big")


def suits(argv, environ, before):
    """Whether a fork would be what the command is."""
    if not isinstance(argv, list | tuple) or len(argv) < 3:
        return False
    python, flag, module = map(str, argv[:3])
    mine = (python, flag, module[:4]) == (sys.executable, "-m", "vae.")
    return mine and latched(environ) == latched(before)


def latched(environ):
    return {k: v for k, v in environ.items() if k.startswith(LATCHED)}


def nursery(environ):
    """A nursery in an interpreter of its own, which imports what commands do."""
    mine, its = socket.socketpair()
    with its:
        command = [sys.executable, __file__, str(its.fileno())]
        process = Real(command, env=environ, pass_fds=[its.fileno()], start_new_session=True)
    return Nursery(process, mine)


def serve(its):
    """Fork for each request, until whoever asks is gone; returns the request in the fork."""
    while True:
        head, streams, _, _ = socket.recv_fds(its, 8, 3)
        if not head:
            os._exit(0)
        request = json.loads(_exactly(its, int.from_bytes(head, "big")))
        ours, theirs = os.pipe()
        if not (middle := os.fork()):
            if os.fork():
                os._exit(0)
            os.write(theirs, os.getpid().to_bytes(8, "big"))
            os.close(ours)
            os.close(theirs)
            return request, streams
        # when it is gone, its child is the asker's
        os.waitpid(middle, 0)
        os.close(theirs)
        its.sendall(os.read(ours, 8))
        for fd in (*streams, ours):
            os.close(fd)


def become(request, streams):
    """Be the process that was asked for."""
    (module, *words), cwd, environ, new_session = request
    if new_session:
        os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    for fd, copy in enumerate(streams):
        os.dup2(copy, fd)
        os.close(copy)
    # as an interpreter makes them for where they lead
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=-1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # W&B makes a folder for pictures when it is imported, and deletes it when its process ends
    media = sys.modules["wandb.sdk.data_types._private"].MEDIA_TMP
    media.name = tempfile.mkdtemp("wandb-media")
    # Lightning takes it from the environment when it is imported
    from lightning.pytorch.utilities import rank_zero_only

    rank_zero_only.rank = int(environ.get("LOCAL_RANK", 0))
    sys.argv, sys.path[0] = [module, *words], cwd
    if any("ddp" in word or "devices=" in word for word in words):
        _be_a_parent()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _be_a_parent():
    """Have a nursery for the processes of DDP: a fork, which has done nothing yet either."""
    mine, its = socket.socketpair()
    if not os.fork():
        mine.close()
        become(*serve(its))
        sys.exit()
    its.close()
    install(Nursery(None, mine))


def install(one=None):
    """Have `subprocess` fork commands of this package."""
    known, before = [] if one is None else [one], dict(os.environ)
    signature = inspect.signature(Real._execute_child)

    class Popen(Real):
        def _execute_child(self, *arguments):
            a = signature.bind(self, *arguments).arguments
            environ = dict(os.environ if a["env"] is None else a["env"])
            if a["preexec_fn"] or not suits(a["args"], environ, before):
                super()._execute_child(*arguments)
                return
            if not known:
                known.append(nursery(before))
            ends = [a["p2cread"], a["c2pwrite"], a["errwrite"]]
            streams = [i if end == -1 else end for i, end in enumerate(ends)]
            new_session = a["start_new_session"]
            self.pid = known[0].fork(a["args"], a["cwd"], environ, streams, new_session)
            self._child_created = True
            pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
            self._close_pipe_fds(*(a[name] for name in pipes))

    subprocess.Popen = Popen


def _exactly(its, count):
    found = b""
    while len(found) < count:
        if not (more := its.recv(count - len(found))):
            raise EOFError("the nursery is gone")
        found += more
    return found


if __name__ == "__main__":
    from importlib import import_module

    for name in (
        "vae.training.loop",
        "vae.evaluation.evaluate",
        "vae.cli.command",
        "lightning.pytorch.strategies",
        "matplotlib.pyplot",
        "sklearn.datasets",
        "wandb",
    ):
        import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        request, streams = serve(asked)
    become(request, streams)
