"""The page that a shared model carries: what it is, its numbers, how to load it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae.runs.results import Results
from vae.runs.sections import Result

# as the Hub takes metrics' types: any name
SHOWN = (
    *("elbo", "log_px", "log_px_finetuned", "bits_per_dim", "rate", "distortion", "accuracy"),
    *("log_px_uniform", "bits_per_dim_uniform"),
)
UNITS = {
    "bits_per_dim": "bits/dim",
    "bits_per_dim_uniform": "bits/dim",
    "accuracy": "share of images",
}
TAGS = ("variational-autoencoder", "vae", "pytorch", "image-generation")


def page(config: Mapping[str, Any], results: Results | None, samples: Path | None) -> str:
    """A model card in Markdown, with the metadata that the Hugging Face Hub reads.

    Arguments:
        config: The export's config: what was trained, without this machine's paths.
        results: What the run's test found; None if it was not tested.
        samples: The picture of samples beside the card, if there is one.
    """
    name = config["name"]
    title = f"{name}, seed {config['seed']}"
    measured = {k: results.test[k] for k in SHOWN if k in results.test} if results else {}
    lines = ["---", *_metadata(title, results, measured), "---", "", f"# {title}", ""]
    lines += [_sentence(config, results), ""]
    if samples is not None:
        lines += [f"![Samples from the prior]({samples.name})", ""]
    if measured:
        lines += ["| test set | value | standard error | samples | unit |", "|---|---|---|---|---|"]
        for key, found in measured.items():
            count = found.num_samples or "exact"
            row = (
                key,
                f"{found.value:.4g}",
                f"{found.standard_error:.2g}",
                count,
                UNITS.get(key, "nats per image"),
            )
            lines.append(f"| {' | '.join(map(str, row))} |")
        lines.append("")
    lines += ["```python", "import vae", "", 'model = vae.load("hf://USER/NAME")  # or a folder']
    lines += ["model.sample(16)", "model.log_prob(x, num_samples=1000)", "```", ""]
    if results and results.command:
        lines += ["Trained by", "", f"    {results.command}", ""]
    lines += ["The data's licence holds for what they are used for; it is not that of the weights."]
    return "\n".join(lines) + "\n"


def _metadata(title: str, results: Results | None, measured: Mapping[str, Result]) -> list[str]:
    """The lines between the dashes: YAML, of which JSON is a part."""
    lines = ["library_name: vae-lab", f"tags: {json.dumps(list(TAGS))}"]
    if results and measured:
        metrics = [{"type": k, "name": k, "value": round(f.value, 4)} for k, f in measured.items()]
        dataset = {"name": results.data.name, "type": results.data.name, "split": "test"}
        task = {"type": "unconditional-image-generation"}
        found = [{"task": task, "dataset": dataset, "metrics": metrics}]
        lines.append(f"model-index: {json.dumps([{'name': title, 'results': found}])}")
    return lines


def _sentence(config: Mapping[str, Any], results: Results | None) -> str:
    model = config["model"]
    parts = {k: v["_target_"].rpartition(".")[2] for k, v in model.items() if _is_part(v)}
    what = ", ".join(f"{part} {name}" for part, name in parts.items())
    data = size = ""
    if results:
        data = f" of {results.data.name} ({' x '.join(map(str, results.data.event_shape))})"
        size = f", {results.parameters:,} parameters"
    given = f" of each image's {model['condition']}" if model.get("condition") else ""
    return f"A variational autoencoder{data}{given}: {what}{size}."


def _is_part(node: Any) -> bool:
    return isinstance(node, Mapping) and "_target_" in node
