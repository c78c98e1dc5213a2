"""The app: what it does, and what a browser shows of it."""

import socket
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from vae.app.demo import Demo
from vae.cli.command import compose
from vae.errors import DataError
from vae.runs.opened import open_run
from vae.search.build import build_index as make_index
from vae.search.store import Index
from vae.training.loop import train

QUICK = [
    "data=digits",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "evaluate.num_samples=0",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
    "model.latent_dim=4",
    "name=digits",
]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app") / "run"
    train(compose(*QUICK, f"run_dir={folder}"))
    make_index(compose(f"run={folder}", name="search/index"))
    return folder


@pytest.fixture
def demo(directory):
    with Index(directory / "index") as index:
        yield Demo(open_run(directory), index)


@pytest.fixture
def digit(tmp_path):
    from sklearn.datasets import load_digits

    levels = (load_digits().images[1] * (255 / 16)).round().astype("uint8")
    Image.fromarray(levels).resize((64, 64)).save(tmp_path / "one.png")
    return tmp_path / "one.png"


def same(one, two):
    return np.array_equal(np.asarray(one), np.asarray(two))


def test_a_seed_gives_the_same_images_and_leaves_the_generator_alone(demo):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = demo.generate(9, 1.0, 7)
    assert same(one, demo.generate(9, 1.0, 7))
    assert not same(one, demo.generate(9, 1.0, 8))
    assert torch.equal(before, torch.get_rng_state())


def test_without_temperature_every_image_is_the_same(demo):
    cold = demo.generate(2, 0.0, 0)
    scale = 96 // 8
    first, second = (np.asarray(cold)[2 : 2 + 8 * scale, x : x + 8 * scale] for x in (2, 100))
    assert np.array_equal(first, second)


def test_sliders_in_the_middle_are_the_middle_of_the_map(demo):
    assert same(demo.explore([0] * 4), demo.at(0.5, 0.5))
    assert not same(demo.explore([2, 0, 0, 0]), demo.at(0.5, 0.5))
    assert demo.map().size == (480, 480)


def test_pictures_are_reconstructed_interpolated_and_found(demo, digit):
    assert demo.reconstruct(digit, 0.3).size == demo.reconstruct(digit, 0.0).size
    assert demo.interpolate(digit, digit, 5).size[0] > 5 * 90
    hits = demo.search(digit, 5)
    assert len(hits) == 5
    assert demo.thumbnail(hits[0]).size[0] > 300


def test_what_is_no_picture_is_refused(demo, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match="a picture must be readable"):
        demo.reconstruct(tmp_path / "text.png", 0)


def test_many_at_once_get_what_they_asked_for(demo):
    wanted = [demo.generate(4, 1.0, seed) for seed in range(6)]
    found = [None] * 24

    def ask(i):
        found[i] = demo.generate(4, 1.0, i % 6)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(found[i], wanted[i % 6]) for i in range(24))


@pytest.fixture(scope="module")
def address(directory):
    pytest.importorskip("gradio")
    from vae.app.serve import serve

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    words = [f"run={directory}", f"port={port}", "max_megabytes=1", "max_megapixels=2"]
    # the limit holds for the whole process, which is the app's elsewhere
    before = Image.MAX_IMAGE_PIXELS
    page = serve(compose(*words, name="app"), block=False)
    yield f"http://127.0.0.1:{port}"
    page.close()
    Image.MAX_IMAGE_PIXELS = before


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    elsewhere = []
    context.on("request", lambda r: elsewhere.append(r.url) if address not in r.url else None)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(address)
    page.get_by_role("tab", name="Generate").wait_for()
    yield page
    # a page that asks other servers for anything would not work offline
    assert [u for u in elsewhere if not u.startswith(("data:", "blob:"))] == []
    context.close()


pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]


def test_a_browser_generates(page):
    page.get_by_role("button", name="Generate").click()
    image = page.get_by_role("tabpanel").filter(visible=True).locator("img").first
    image.wait_for()
    assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") > 300


def test_a_browser_uploads_and_sees_what_is_near(page, digit):
    page.get_by_role("tab", name="Search").click()
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.locator("input[type=file]").set_input_files(str(digit))
    panel.locator("img").first.wait_for()
    panel.get_by_role("button", name="Search", exact=True).click()
    panel.get_by_text("digits/train/").first.wait_for()
    assert panel.get_by_text("digits/train/").count() >= 10


def test_a_browser_reconstructs_and_explores(page, digit):
    page.get_by_role("tab", name="Reconstruct").click()
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.locator("input[type=file]").set_input_files(str(digit))
    panel.locator("img").first.wait_for()
    panel.get_by_role("button", name="Reconstruct").click()
    panel.locator("img").nth(1).wait_for()
    page.get_by_role("tab", name="Explore").click()
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.locator("img").first.click(position={"x": 100, "y": 100})
    panel.locator("img").nth(1).wait_for()


def test_a_browser_is_told_what_is_no_picture(page, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    page.get_by_role("tab", name="Reconstruct").click()
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_role("button", name="Reconstruct").click()
    page.get_by_text("a picture must be uploaded first").first.wait_for()
    panel.locator("input[type=file]").set_input_files(str(tmp_path / "text.png"))
    panel.get_by_role("button", name="Reconstruct").click()
    page.get_by_test_id("toast-body").first.wait_for()


def test_uploads_are_bounded(page, tmp_path):
    huge = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)
    Image.fromarray(huge).save(tmp_path / "huge.png")
    page.get_by_role("tab", name="Reconstruct").click()
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.locator("input[type=file]").set_input_files(str(tmp_path / "huge.png"))
    page.get_by_test_id("toast-body").filter(has_text="size").first.wait_for()
