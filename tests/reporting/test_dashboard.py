"""python -m vae.dashboard, as far as it goes without a key."""

import json
import sys

import pytest

from tests.commands import ended
from vae.cli.command import run
from vae.dashboard import task

pytest.importorskip("wandb_workspaces")
# it calls what pydantic deprecates
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")


@pytest.fixture
def dashboard(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["vae.dashboard", *words])
        return ended(capfd, lambda: run("dashboard", task, help=""))

    return call


def test_a_workspace_has_the_sections_and_shows_what_runs_log(dashboard, tmp_path):
    code, out, err = dashboard("entity=me", "out=w.json")
    assert code == 0, err
    assert "workspace written: w.json" in out
    view = json.loads((tmp_path / "w.json").read_text())
    sections = view["spec"]["section"]["panelBankConfig"]["sections"]
    names = [s["name"] for s in sections if s["panels"]]
    assert names == ["Likelihood", "Rate-distortion", "Latents", "Samples", "System"]
    shared = [p["config"]["metrics"] for p in sections[0]["panels"] if "metrics" in p["config"]]
    for part in ("elbo", "rate", "distortion"):
        assert [f"train/{part}", f"val/{part}"] in shared
    text = json.dumps(view)
    for name in ("train/gradient_norm", "val/active_units", "pictures/samples", "latents"):
        assert name in text


def test_saving_needs_a_key_and_says_so(dashboard, no_key):
    code, _, err = dashboard("entity=me")
    assert code == 1
    assert "saving a workspace needs a W&B key" in err
    assert err.count("\n") == 1


def test_whose_it_is_must_be_said(dashboard):
    code, _, err = dashboard("out=w.json")
    assert code == 1
    assert "entity must be set" in err
