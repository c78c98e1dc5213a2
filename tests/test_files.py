"""Files are there whole or not at all, whatever happens while they are written."""

import os
import signal
import subprocess
import sys
import time

import pytest

from vae import files


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x"
    files.write(path, "old")

    def fail(f):
        f.write(b"half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        files.write(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_new_file_has_the_usual_rights(tmp_path):
    files.write(tmp_path / "ours", b"x")
    (tmp_path / "theirs").write_bytes(b"x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_a_reader_sees_one_whole_file_or_another(tmp_path):
    """A process writes large files in a loop and is killed at random moments."""
    program = (
        "import sys; from pathlib import Path; from vae import files\n"
        "for i in range(10**6): files.write(Path(sys.argv[1]), bytes([i % 250]) * 3_000_000)\n"
    )
    path = tmp_path / "x"
    for round_ in range(6):
        process = subprocess.Popen([sys.executable, "-c", program, str(path)])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(0.05 + 0.03 * round_)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        content = path.read_bytes()
        assert len(content) == 3_000_000
        assert len(set(content)) == 1
    files.forget_unfinished(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_only_regular_files_are_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "x").write_text("x")
    (tmp_path / "good").symlink_to(tmp_path / "x")
    found = {p.name for p in tmp_path.iterdir() if files.is_regular(p)}
    assert found == {"x", "good"}
    assert not files.is_regular(tmp_path / "\0")


def test_a_reservation_is_of_the_disk_itself(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    files.reserve(tmp_path / "x", 1_000_000)
    assert (tmp_path / "x").stat().st_blocks * 512 >= 1_000_000
    assert (tmp_path / "x").read_bytes()[:3] == b"abc"
