"""Waiting for a logger's server no longer than was said."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
# the least that W&B's server answers with, if it works at all
QUERY = {"query": "query Viewer { viewer { id } }"}


class Impatient(TimeoutError):
    """Something took longer than it may."""


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do some work in a thread, and wait for it no longer than some seconds.

    Arguments:
        seconds: How long.
        work: What to do; it is left behind where it takes longer.

    Raises:
        Impatient: If it takes longer.
        Exception: What the work raises.
    """
    found: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as e:  # noqa: BLE001
            failure.append(e)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Impatient(f"no answer in {seconds:g} seconds")
    if failure:
        raise failure[0]
    return found[0]


def answers(url: str, key: str | None, wait: float) -> bool:
    """Whether a W&B server answers a small question properly, and in time.

    Arguments:
        url: Its address.
        key: The user's key.
        wait: How long it may take, in seconds.
    """
    import requests

    def ask() -> bool:
        answer = requests.post(
            f"{url.rstrip('/')}/graphql",
            json=QUERY,
            auth=("api", key) if key else None,
            timeout=wait,
        )
        # a server that refuses the key answers, and W&B says it better
        return answer.status_code in (401, 403) or (answer.ok and "data" in answer.json())

    try:
        return within(wait, ask)
    except (OSError, ValueError, Impatient):
        return False


def reachable(url: str, wait: float) -> bool:
    """Whether a server answers anything at all, in time.

    Arguments:
        url: Its address.
        wait: How long it may take, in seconds.
    """
    import requests

    try:
        within(wait, lambda: requests.head(url, timeout=wait))
    except (OSError, Impatient):
        return False
    return True


def end_service() -> None:
    """End W&B's own process, whatever it waits for, so that this one does not wait for it."""
    import wandb
    from wandb.sdk import wandb_setup

    singleton: Any = getattr(wandb_setup, "_singleton", None)
    service: Any = getattr(getattr(singleton, "_connection", None), "_proc", None)
    process: Any = getattr(service, "_process", None)
    if process is not None:
        process.kill()
        process.wait()
    _forgive()
    try:
        within(10, wandb.teardown)
    except (Exception, Impatient):  # noqa: BLE001
        # it misses the process, which is what was wanted
        return


def _forgive() -> None:
    """Let W&B's own threads fail without a word, now that what they speak to is gone.

    They are daemons, and one that writes its traceback while the interpreter ends aborts it: a run
    that has ended well would have another exit code.
    """
    told = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        thread = failure.thread
        if thread is None or not (thread.daemon and thread.name.startswith("wandb")):
            told(failure)

    threading.excepthook = hook
