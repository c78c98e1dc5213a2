"""report.html, as a browser shows it."""

import json
import os

import pytest

from tests.commands import FAST, PICTURES
from vae.training.loop import train

pytestmark = pytest.mark.slow


@pytest.fixture
def look(browser):
    """Open a page from the disk, where nothing else can be reached; what went wrong in it."""
    wrong = []
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 1400})
    page = context.new_page()
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("requestfailed", lambda r: wrong.append(r.url))

    def go(path, shot=None):
        page.goto(path.as_uri())
        if os.environ.get("VAE_SCREENSHOTS"):
            page.screenshot(path=f"{os.environ['VAE_SCREENSHOTS']}/{shot}.png", full_page=True)
        broken = "[...document.images].filter(i => !i.naturalWidth).map(i => i.alt)"
        assert page.evaluate(broken) == []
        assert page.evaluate("document.body.scrollWidth <= window.innerWidth")
        assert wrong == []
        return page

    yield go
    context.close()


def test_a_run_is_one_page_with_everything_in_it(tiny, look):
    directory = train(
        tiny("data.val_size=1000", "evaluate.surgery=200", PICTURES, steps=5)
    ).directory
    page = look(directory / "report.html", "run")
    results = json.loads((directory / "results.json").read_text())
    assert f"{results['test']['elbo']['value']:,.2f}" in page.inner_text(".tiles")
    assert page.locator("#test tr").count() >= 5
    assert page.locator("img").count() == 7
    assert page.inner_text("h1") == "vae, seed 0"
    assert "KL(q(z) || p(z))" in page.inner_text("#test")
    assert not page.locator("#config pre").is_visible()
    page.click("#config summary")
    assert "latent_dim: 32" in page.inner_text("#config pre")
    assert "torch" in page.inner_text("body")


def test_a_sweep_is_one_page_that_links_its_runs(cli, tmp_path, look):
    words = ["-m", "data=digits", *FAST, "data.val_size=100", "callbacks.pictures=null"]
    code, out, err = cli(*words, "model.latent_dim=2,4", "seed=0,1", "hydra.sweep.dir=sweep")
    assert code == 0, err
    page = look(tmp_path / "sweep" / "report.html", "sweep")
    assert page.locator("#jobs tr").count() == 5
    assert page.locator("#groups tr").count() == 3
    assert page.locator("img").count() == 2
    command = page.inner_text("#command")
    assert command in out
    page.click("#jobs a >> nth=2")
    assert page.inner_text("h1") == "vae, seed 0"
    assert "model.latent_dim=4" in page.inner_text("#command")


def test_what_a_user_typed_is_text(tiny, look):
    config = tiny("data=digits", "callbacks.pictures=null") | {"name": "<script>alert(1)</script>"}
    page = look(train(config).directory / "report.html", "escaped")
    assert "<script>alert(1)</script>, seed 0" in page.inner_text("h1")
