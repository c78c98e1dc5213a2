"""trainer=ddp_spawn: DDP processes started from Python, where no command line can be repeated."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any


def wanted(config: Mapping[str, Any]) -> bool:
    """Whether a config asks for processes that have not been started yet."""
    return bool(config["trainer"]["strategy"] == "ddp_spawn")


def run(config: Mapping[str, Any], words: list[str], train: Callable[..., Any]) -> None:
    """Train in one new process for each device, and wait for all.

    Lightning's own ddp_spawn brings back weights but neither the test's results nor the number of
    steps; here each process runs the whole job, as under trainer=ddp.

    Arguments:
        config: The whole config.
        words: The command that runs this job.
        train: What each process runs: `vae.training.loop.train`.

    Raises:
        VAEError: What the first process to fail raised.
    """
    import torch
    import torch.multiprocessing as mp
    from torch.multiprocessing.spawn import ProcessExitedException, start_processes

    devices = config["trainer"]["devices"]
    if isinstance(devices, list):
        count = len(devices)
    else:
        count = int(devices) if str(devices).isdigit() else max(1, torch.cuda.device_count())
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    queue = mp.get_context("spawn").SimpleQueue()
    job = {**config, "trainer": {**config["trainer"], "strategy": "ddp"}}
    try:
        start_processes(_work, (job, words, train, port, queue), nprocs=count, start_method="spawn")
    except ProcessExitedException:
        if not queue.empty():
            raise queue.get() from None
        raise


def _work(
    rank: int,
    config: dict[str, Any],
    words: list[str],
    train: Callable[..., Any],
    port: int,
    queue: Any,
) -> None:
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", **address}
    from lightning.pytorch.utilities import rank_zero_only

    from vae.errors import VAEError

    # it is 0 where Lightning was imported before this process knew its rank
    rank_zero_only.rank = rank  # type: ignore[attr-defined]
    try:
        train(config, words)
    except VAEError as e:
        queue.put(e)
        sys.exit(1)
