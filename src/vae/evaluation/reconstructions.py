"""How close reconstructions are to their images, as users of image codecs measure it."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from vae.data.module import DataModule
from vae.evaluation.features import features_of
from vae.evaluation.generated import as_bytes
from vae.metrics.estimate import Estimate
from vae.metrics.lpips import LPIPS, SMALLEST, fits
from vae.model import VAE
from vae.runs.sections import Reconstructions, Result

# the window of SSIM, in pixels
WINDOW = 11

# images whose features have a covariance
ENOUGH = 100


@torch.no_grad()
def reconstructions(
    model: VAE,
    data: DataModule,
    count: int,
    device: torch.device,
    say: Callable[[str], None] = print,
    lpips: LPIPS | None = None,
) -> Reconstructions:
    r"""PSNR, SSIM, LPIPS and rFID of the means of p(x|z) at E[z], clipped to [0, 1].

    .. math:: PSNR = -10 \log_{10} \tfrac{1}{CHW} \| x - \hat x \|^2

    Arguments:
        model: The model.
        data: Whose test images are taken.
        count: How many.
        device: Where to compute.
        say: Told what is left out.
        lpips: The distance, if its weights are known.

    References:
        Image Quality Assessment: From Error Visibility to Structural Similarity (Wang et al.,
        2004), as torchmetrics has it (SSIM)
        GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017) (FID, here of
        reconstructions)
    """
    from vae.metrics import fid

    ratios, alike, far, made = [], [], [], []
    lpips = None if lpips is None else lpips.to(device)
    size = min(data.eval_batch_size, count)
    for i, batch in enumerate(itertools.islice(data.batches("test", size), -(-count // size))):
        x, given = batch.x[: count - i * size].to(device), model.given(batch.context)
        given = given.rows(0, len(x))
        found = given.decode(given.embed(x)).mean.clamp(0, 1)
        error = (found - x).square().flatten(1).mean(1).clamp_min(1e-10)
        ratios.append(-10 * error.log10().double().cpu())
        if min(x.shape[2:]) >= WINDOW:
            alike.append(_ssim(found.float(), x.float()).double().cpu())
        if lpips is not None and fits(x.shape[1:]):
            far.append(lpips(found.float(), x.float()).double().cpu())
        made.append(as_bytes(found))
    rfid, named = None, None
    if count < ENOUGH:
        say(f"no rFID: it takes at least {ENOUGH} test images, and there are {count}")
    else:
        network, named = features_of(data)
        test = data.arrays["test_images"][:count]
        rfid = Result.of(fid.distances(network, test, torch.cat(made)).fid, count)
    if not alike:
        say(f"no SSIM: its window is {WINDOW} pixels wide, and these images are smaller")
    if lpips is not None and not far:
        say(f"no LPIPS: VGG-16 takes grey or colour images of at least {SMALLEST} pixels")
    return Reconstructions(
        psnr=Result.of(Estimate.of(torch.cat(ratios)), 1),
        ssim=Result.of(Estimate.of(torch.cat(alike)), 1) if alike else None,
        rfid=rfid,
        num_images=count,
        features=named,
        lpips=Result.of(Estimate.of(torch.cat(far)), 1) if far else None,
    )


def _ssim(one: Tensor, other: Tensor) -> Tensor:
    from torchmetrics.functional.image import structural_similarity_index_measure

    found = structural_similarity_index_measure(one, other, data_range=1.0, reduction="none")
    assert isinstance(found, Tensor)
    return found
