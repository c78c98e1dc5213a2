import re

import pytest

from vae.training.loop import train

pytestmark = pytest.mark.slow


def test_a_file_gets_a_line_per_epoch_with_the_three_numbers_and_the_time_left(tiny, capsys):
    train(tiny("callbacks.progress.interval=0", "trainer.max_epochs=3"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 3
    form = r"epoch \d/3  elbo -\S+ \(val -\S+\)  rate \S+  distortion \S+  \d+ s left"
    assert all(re.fullmatch(form, line) for line in lines), lines
    assert lines[-1].endswith(" 0 s left")


def test_a_terminal_gets_a_bar(tiny, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "140")
    train(tiny("callbacks.pictures=null"))
    out = capsys.readouterr().out
    assert re.search(r"1/1  elbo -\S+ \(val -\S+\)  rate \S+  distortion \S+", out)
    assert "testing" in out
