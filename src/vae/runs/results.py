"""results.json: what a run's training and tests found, as one typed object."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from vae import files
from vae.errors import RunError
from vae.runs.sections import (
    Codes,
    DataFacts,
    Latents,
    Number,
    Reconstructions,
    Result,
    Samples,
    Section,
    Training,
)

SCHEMA = 5


def _or_none(value: Any) -> Any:
    # schemas up to 4 had an empty section where there is none
    return None if value == {} else value


class Results(Section):
    """What results.json holds.

    Arguments:
        schema_version: Of this layout.
        complete: Whether the test and the analysis after it are done.
        pruned: Whether a search ended the run early.
        name: The run's name.
        command: The command that made it; empty outside a command.
        seed: The seed.
        condition: What the model is given of each example, so that log_px is log p(x|c).
        checkpoint: What was tested.
        score: What the run is ranked by; the higher, the better.
        test: The test's estimates, by name: elbo, rate, distortion, log_px, bits_per_dim;
            of a learned prior over codes also log_px_uniform and bits_per_dim_uniform.
        latents: What the latent dimensions carry.
        samples: How good generated images are.
        reconstructions: How close reconstructions are.
        disentanglement: How codes keep the data's factors apart, by protocol; from 0 to 1.
        train: How the training went.
        test_seconds: How long the test took.
        parameters: The number of parameters.
        data: The data.
        versions: Of packages, by name.
        device: The device, for instance cuda:0.
        threads: The number of CPU threads.
    """

    schema_version: int = Field(alias="schema")
    complete: bool
    pruned: bool = False
    name: str
    command: str
    seed: int
    condition: str | None = None
    checkpoint: str | None
    score: Number
    test: dict[str, Result]
    latents: Annotated[Latents | None, BeforeValidator(_or_none)] = None
    samples: Annotated[Samples | None, BeforeValidator(_or_none)] = None
    reconstructions: Reconstructions | None = None
    disentanglement: dict[str, Result] | None = None
    train: Training | None = None
    test_seconds: Number
    parameters: int
    data: DataFacts
    versions: dict[str, str]
    device: str
    threads: int

    def numbers(self) -> Mapping[str, float | int | str]:
        """Every estimate and fact by a flat name, for instance test/elbo, as dashboards take them.

        A standard error stands under the estimate's name with _standard_error behind it.
        """
        flat: dict[str, float | int | str] = {"score": self.score}
        sections = ("test", "latents", "samples", "reconstructions", "disentanglement", "train")
        for section in sections:
            part = getattr(self, section)
            place = "training" if section == "train" else section
            for name, found in dict(part or {}).items():
                if isinstance(found, Codes):
                    flat |= {f"{place}/code_{k}": v for k, v in dict(found).items()}
                if isinstance(found, Result):
                    flat[f"{place}/{name}"] = found.value
                    flat[f"{place}/{name}_standard_error"] = found.standard_error
                elif isinstance(found, int | float | str):
                    flat[f"{place}/{name}"] = found
        return flat


def read_results(directory: Path) -> Results | None:
    """A run's results; None if it has none yet.

    Raises:
        RunError: If its results.json is damaged, or of a later version of this package.
    """
    path = directory / "results.json"
    if not path.is_file():
        return None
    try:
        return Results.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as e:
        what = e.errors()[0] if isinstance(e, ValidationError) else {"msg": str(e), "loc": ()}
        where = ".".join(map(str, what["loc"]))
        raise RunError(
            f"a run's results.json holds what train wrote, but {path} cannot be read "
            f"({where + ': ' if where else ''}{what['msg']}); move it away."
        ) from e


def write_results(results: Results, directory: Path) -> None:
    """Write results.json, whole or not at all.

    Raises:
        RunError: If it cannot be written.
    """
    text = results.model_dump_json(indent=2, exclude_unset=True, by_alias=True)
    try:
        files.write(directory / "results.json", text + "\n")
    except OSError as e:
        raise RunError(
            f"results need room on their disk, but {directory / 'results.json'} cannot be written "
            f"({e}); free some space, and run it again with resume={directory}."
        ) from e
