"""Threads are no more than the cores that a process may have, and that others leave free."""

import subprocess
import sys
import time

import pytest
import torch

from vae.runs import cores, threads


@pytest.fixture
def open_to_choice(monkeypatch):
    """As on a machine where nobody has chosen; torch's own number is two."""
    for name in (*threads.CHOSEN, *threads.RANKS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "quota", lambda: None)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(threads, "_known", {"own": 2, "ours": 2})
    yield monkeypatch
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("limit", "busy", "expected"),
    [(None, 0, 2), (None, 1, 1), (None, 9, 1), (1.0, 0, 1), (0.5, 0, 1), (1.5, 0, 2), (64, 0, 2)],
)
def test_as_many_as_there_are_free_cores(open_to_choice, capsys, limit, busy, expected):
    open_to_choice.setattr(threads, "quota", lambda: limit)
    open_to_choice.setattr(threads, "taken", lambda seconds: busy)
    threads.choose()
    assert torch.get_num_threads() == expected
    said = capsys.readouterr().err
    assert ("or threads=2 in training, overrules" in said) == (expected != 2)
    assert ("busy" in said) == (busy > 0)
    # a quieter machine gets them back
    open_to_choice.setattr(threads, "quota", lambda: None)
    open_to_choice.setattr(threads, "taken", lambda seconds: 0)
    threads.choose()
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("name", threads.CHOSEN)
def test_a_number_that_was_chosen_stays(open_to_choice, name):
    open_to_choice.setenv(name, "2")
    open_to_choice.setattr(threads, "taken", lambda seconds: 9)
    torch.set_num_threads(2)
    threads.choose()
    assert torch.get_num_threads() == 2


def test_the_processes_of_one_run_are_no_strangers_to_each_other(open_to_choice):
    open_to_choice.setattr(threads, "taken", lambda seconds: 9)
    threads.choose(shared=True)
    assert torch.get_num_threads() == 2
    open_to_choice.setenv("LOCAL_RANK", "1")
    threads.choose()
    assert torch.get_num_threads() == 2


def test_what_somebody_said_holds_for_one_job(open_to_choice):
    open_to_choice.setattr(threads, "taken", lambda seconds: 0)
    threads.choose(1)
    assert torch.get_num_threads() == 1
    threads.choose()
    assert torch.get_num_threads() == 2
    # as a notebook's user may between two jobs
    torch.set_num_threads(1)
    threads.choose()
    assert torch.get_num_threads() == 1


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


TREES = [
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
    ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
    # a pod's limit holds for its containers, and a container has its own path outside alone
    (
        {
            "proc/self/cgroup": "0::/pod/box\n",
            "sys/fs/cgroup/pod/cpu.max": "50000 100000",
            "sys/fs/cgroup/pod/box/cpu.max": "300000 100000",
        },
        0.5,
    ),
    ({"proc/self/cgroup": "0::/not/here\n", "sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5),
    (
        {
            "proc/self/cgroup": "2:cpuacct:/\n1:cpu:/docker/x\n4:memory:/a\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
        4,
    ),
    (
        {
            "proc/self/cgroup": "1:cpu,cpuacct:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
        None,
    ),
    ({}, None),
]


@pytest.mark.parametrize(("files", "limit"), TREES)
def test_the_limit_is_that_of_the_group_and_of_those_around_it(tmp_path, files, limit):
    assert cores.quota(tree(tmp_path, files), {}) == limit


def test_slurm_allows_what_a_task_asked_for(tmp_path):
    assert cores.quota(tmp_path, {"SLURM_CPUS_PER_TASK": "3"}) == 3
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}
    assert cores.quota(tree(tmp_path, files), {"SLURM_CPUS_PER_TASK": "3"}) == 2


def test_what_is_taken_is_what_the_cores_did_between_two_looks(tmp_path, monkeypatch):
    stat = tmp_path / "stat"
    line = "cpu{} {} 0 {} {} 10 0 0 0 0 0\n"
    stat.write_text(
        line.format("", 9, 9, 9) + line.format(0, 100, 50, 800) + line.format(1, 5, 5, 5)
    )

    def later(seconds):
        stat.write_text(
            line.format("", 9, 9, 9) + line.format(0, 115, 55, 800) + line.format(1, 25, 5, 5)
        )
        # of two busy cores, one was this process's
        return 1.0

    monkeypatch.setattr(cores, "_work", later)
    assert cores.taken(0.2, stat) == 1
    assert cores.taken(0.2, tmp_path / "nothing") == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/stat")
def test_two_that_look_at_the_same_time_see_each_other():
    program = (
        "import sys, time; from vae.runs.cores import taken\n"
        "while time.time() < float(sys.argv[1]): time.sleep(0.001)\n"
        "print(taken(1.0))"
    )
    at = str(time.time() + 8)
    command = [sys.executable, "-c", program, at]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [int(process.communicate(timeout=60)[0]) for process in both]
    assert min(found) >= 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/stat")
def test_a_busy_neighbour_is_seen():
    program = "import time; end = time.time() + 20\nwhile time.time() < end: pass"
    with subprocess.Popen([sys.executable, "-c", program]) as neighbour:
        try:
            assert cores.taken(1.0) >= 1
        finally:
            neighbour.kill()
