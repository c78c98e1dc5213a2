"""Play with a trained run in the browser: generate, explore, reconstruct, interpolate, search.

Try:
  python -m vae.app run=outputs/mnist_bernoulli/TIME
  python -m vae.app run=outputs/own_images/TIME index=photos port=8000

Settings (NAME=VALUE): run, index (a folder that vae.search.index made), host (127.0.0.1 shows it to
this machine alone), port, max_megabytes and max_megapixels of an uploaded picture,
max_uploads (pictures on the disk at once). Needs the extra
app: pip install 'vae-lab[app]'.
"""

import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from vae.command import plain, run

if TYPE_CHECKING:
    from vae.demo import Demo

# sliders of the most used latent dimensions
SLIDERS = 8


def interface(demo: "Demo", title: str) -> Any:
    """The page with its tabs.

    Arguments:
        demo: What they do.
        title: Its title.
    """
    import gradio as gr

    from vae.errors import VAEError

    def told(work: Any) -> Any:
        """What the user can put right is shown to them, without a traceback."""

        def safe(*inputs: Any) -> Any:
            try:
                return work(*inputs)
            except VAEError as e:
                raise gr.Error(str(e)) from e
            except gr.Error:
                raise
            except Exception as e:
                # nothing of this machine is shown to a visitor
                traceback.print_exception(e)
                raise gr.Error("this could not be done; try another picture.") from e

        return safe

    def as_it_came(payload: Any) -> Any:
        return None if payload is None else payload.path

    def upload(label: str) -> Any:
        image: Any = gr.Image(
            type="filepath", label=label, sources=["upload", "clipboard"], height=240
        )
        # gradio would decode it here, whatever it is; vae.data.pictures alone opens pictures
        image.preprocess = as_it_came
        return image

    def shown(label: str) -> Any:
        buttons: Any = ["download", "fullscreen"]
        return gr.Image(type="pil", label=label, interactive=False, format="png", buttons=buttons)

    def needed(path: str | None) -> str:
        if not path:
            raise gr.Error("a picture must be uploaded first, and none was; upload one.")
        return path

    # uploads are forgotten after an hour
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown(f"# {title}")
        with gr.Tab("Generate"):
            with gr.Row():
                count = gr.Slider(1, 64, 16, step=1, label="images")
                temperature = gr.Slider(0, 1.5, 1, step=0.05, label="temperature")
                seed = gr.Number(0, precision=0, label="seed", minimum=0)
            draw = gr.Button("Generate", variant="primary")
            generated = shown("new images")
            inputs = [count, temperature, seed]
            draw.click(told(lambda n, t, s: demo.generate(int(n), t, int(s))), inputs, generated)
        with gr.Tab("Explore"):
            with gr.Row():
                with gr.Column():
                    gr.Markdown("the most used dimensions of z, in standard deviations")
                    sliders = [
                        gr.Slider(-3, 3, 0, step=0.1, label=f"z[{d}]") for d in demo.order[:SLIDERS]
                    ]
                place = gr.Image(
                    demo.map(),
                    type="pil",
                    label="test images: click",
                    interactive=False,
                    buttons=[],
                )
                explored = shown("the image there")
            for slider in sliders:
                slider.release(told(lambda *s: demo.explore(s)), sliders, explored)

            # gradio reads this annotation, which therefore must not be a string
            def click(event: gr.SelectData) -> Any:
                width, height = demo.map().size
                return told(demo.at)(event.index[0] / width, event.index[1] / height)

            place.select(click, None, explored)
        with gr.Tab("Reconstruct"):
            with gr.Row():
                given = upload("picture")
                noise = gr.Slider(0, 1, 0, step=0.05, label="noise to remove")
            again = shown("the picture, what was encoded, what was decoded")
            gr.Button("Reconstruct", variant="primary").click(
                told(lambda p, n: demo.reconstruct(needed(p), n)), [given, noise], again
            )
        with gr.Tab("Interpolate"):
            with gr.Row():
                one, two = upload("from"), upload("to")
            between = shown("the way between them")
            gr.Button("Interpolate", variant="primary").click(
                told(lambda a, b: demo.interpolate(needed(a), needed(b))), [one, two], between
            )
        with gr.Tab("Search"):
            if demo.index is None:
                gr.Markdown("No index: make one with `python -m vae.search.index run=...`")
            else:
                with gr.Row():
                    asked = upload("picture")
                    k = gr.Slider(1, 50, 10, step=1, label="neighbours")
                found = gr.Gallery(label="nearest images", columns=5, format="png")

                def search(path: str | None, k: float) -> list[tuple[Any, str]]:
                    hits = demo.search(needed(path), int(k))
                    return [
                        (demo.thumbnail(h), f"{h.label} {h.distance:.3f} {h.name}".strip())
                        for h in hits
                    ]

                gr.Button("Search", variant="primary").click(told(search), [asked, k], found)
    return page


def serve(config: dict[str, Any], block: bool = True) -> Any:
    """Open a run and serve its page.

    Arguments:
        config: What `compose(..., name="app")` gives.
        block: Whether to wait until it is stopped.

    Returns:
        The page.

    Raises:
        ConfigError: If the config makes no sense, or gradio is not installed.
        RunError: If there is no such run or index.
    """
    from vae import settings
    from vae.errors import ConfigError
    from vae.process import prepare
    from vae.run import open_run

    settings.check(config, settings.APP, "app")
    prepare()
    opened = open_run(config["run"], config["allow"])
    # no news of use, no fonts and no versions asked of any server
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    if "gradio" not in sys.modules:
        # it looks once, when it is imported
        os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="vae-app-"))
    try:
        import gradio as gr
        from gradio.utils import get_upload_folder
    except ImportError as e:
        raise ConfigError(
            "the app is made with gradio, which is not installed; pip install 'vae-lab[app]'."
        ) from e
    from starlette.middleware import Middleware

    from vae.demo import Demo
    from vae.guard import Guard, allowed_hosts
    from vae.search.store import Index

    folder = Path(config["index"] or opened.directory / "index").expanduser()
    index = None
    if config["index"] or (folder / "index.json").is_file():
        index = Index(folder, config["allow"], config["url"])
        index.check_model(opened.key)
    pixels = config["max_megapixels"] * 1_000_000
    demo = Demo(opened, index, config["data"]["root"], pixels)
    page = interface(demo, opened.config["name"])
    guard = Middleware(
        Guard,
        hosts=allowed_hosts(config["host"]),
        folder=Path(get_upload_folder()),
        most=config["max_uploads"] * config["max_megabytes"] * 1_000_000,
    )
    page.queue(default_concurrency_limit=2, max_size=100)
    fonts: Any = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}
    page.launch(
        server_name=config["host"],
        server_port=config["port"],
        max_file_size=f"{config['max_megabytes']}mb",
        theme=gr.themes.Default(**fonts),
        footer_links=[],
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        app_kwargs={"middleware": [guard]},
    )
    print(f"the app: http://{config['host']}:{config['port']} (Ctrl-C ends it)", flush=True)
    if block:
        page.block_thread()
    return page


def task(config: DictConfig) -> None:
    """One job of the command."""
    serve(plain(config))


if __name__ == "__main__":
    run("app", task, help=__doc__, groups=[])
