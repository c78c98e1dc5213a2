"""The page of the app: a tab for each thing that can be done with a run."""

import traceback
from collections.abc import Callable
from typing import Any

import gradio as gr

from vae.app.demo import Demo
from vae.errors import VAEError

# sliders of the most used latent dimensions
SLIDERS = 8


def interface(demo: Demo, title: str) -> Any:
    """The page with its tabs.

    Arguments:
        demo: What they do.
        title: Its title.
    """
    # uploads are forgotten after an hour
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown(f"# {title}")
        with gr.Tab("Generate"):
            _generate(demo)
        with gr.Tab("Explore"):
            _explore(demo)
        with gr.Tab("Reconstruct"):
            _reconstruct(demo)
        with gr.Tab("Interpolate"):
            _interpolate(demo)
        with gr.Tab("Search"):
            _search(demo)
    return page


def _generate(demo: Demo) -> None:
    with gr.Row():
        count = gr.Slider(1, 64, 16, step=1, label="images")
        temperature = gr.Slider(0, 1.5, 1, step=0.05, label="temperature")
        seed = gr.Number(0, precision=0, label="seed", minimum=0)
    said = _condition(demo)
    draw = gr.Button("Generate", variant="primary")
    work = _safe(lambda n, t, s, c: demo.generate(int(n), t, int(s), c))
    draw.click(work, [count, temperature, seed, said], _shown("new images"))


def _explore(demo: Demo) -> None:
    with gr.Row():
        with gr.Column():
            gr.Markdown("the most used dimensions of z, in standard deviations")
            sliders = [gr.Slider(-3, 3, 0, step=0.1, label=f"z[{d}]") for d in demo.order[:SLIDERS]]
            said = _condition(demo)
        place = gr.Image(
            demo.map(),
            type="pil",
            label="test images: click",
            interactive=False,
            buttons=[],
        )
        explored = _shown("the image there")
    for slider in sliders:
        slider.release(_safe(lambda c, *s: demo.explore(s, c)), [said, *sliders], explored)

    # gradio reads this annotation, which therefore must not be a string
    def click(condition: Any, event: gr.SelectData) -> Any:
        width, height = demo.map().size
        return _safe(demo.at)(event.index[0] / width, event.index[1] / height, condition)

    place.select(click, said, explored)


def _reconstruct(demo: Demo) -> None:
    with gr.Row():
        given = _upload("picture")
        noise = gr.Slider(0, 1, 0, step=0.05, label="noise to remove")
        said = _condition(demo)
    again = _shown("the picture, what was encoded, what was decoded")
    gr.Button("Reconstruct", variant="primary").click(
        _safe(lambda p, n, c: demo.reconstruct(_needed(p), n, said=c)), [given, noise, said], again
    )


def _interpolate(demo: Demo) -> None:
    with gr.Row():
        one, two = _upload("from"), _upload("to")
    said = _condition(demo)
    between = _shown("the way between them")
    gr.Button("Interpolate", variant="primary").click(
        _safe(lambda a, b, c: demo.interpolate(_needed(a), _needed(b), said=c)),
        [one, two, said],
        between,
    )


def _search(demo: Demo) -> None:
    if demo.model.condition is not None and not demo.model.enumerates:
        gr.Markdown("No search: a conditional model embeds a picture together with its class.")
        return
    if demo.index is None:
        gr.Markdown("No index: make one with `python -m vae.search.index run=...`")
        return
    with gr.Row():
        asked = _upload("picture")
        k = gr.Slider(1, 50, 10, step=1, label="neighbours")
    found = gr.Gallery(label="nearest images", columns=5, format="png")

    def search(path: str | None, k: float) -> list[tuple[Any, str]]:
        hits = demo.search(_needed(path), int(k))
        return [(demo.thumbnail(h), f"{h.label} {h.distance:.3f} {h.name}".strip()) for h in hits]

    gr.Button("Search", variant="primary").click(_safe(search), [asked, k], found)


def _condition(demo: Demo) -> Any:
    """What chooses a class or attributes; it is not shown where the model takes none."""
    condition = demo.model.condition
    if condition is None:
        return gr.State(None)
    if demo.usual is None or demo.classes:
        first = demo.classes[0] if demo.usual is None else demo.classes[int(demo.usual[0])]
        return gr.Dropdown(demo.classes, value=first, label="class")
    usual = ", ".join(f"{v:g}" for v in demo.usual[0].tolist())
    return gr.Textbox(usual, label=f"{condition.size} attributes, separated by commas")


def _safe(work: Callable[..., Any]) -> Callable[..., Any]:
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


def _upload(label: str) -> Any:
    image: Any = gr.Image(type="filepath", label=label, sources=["upload", "clipboard"], height=240)
    # gradio would decode it here, whatever it is; vae.data.pictures alone opens pictures
    image.preprocess = lambda payload: None if payload is None else payload.path
    return image


def _shown(label: str) -> Any:
    buttons: Any = ["download", "fullscreen"]
    return gr.Image(type="pil", label=label, interactive=False, format="png", buttons=buttons)


def _needed(path: str | None) -> str:
    if not path:
        raise gr.Error("a picture must be uploaded first, and none was; upload one.")
    return path
