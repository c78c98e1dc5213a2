"""What belongs to the test set where nobody has said it."""

import numpy as np
import numpy.typing as npt


def test_rows(count: int, share: float) -> npt.NDArray[np.bool_]:
    """Which of `count` rows are tested on: a share of them, the same whenever it is asked.

    Arguments:
        count: The number of rows, at least 2.
        share: The share that is tested on.
    """
    chosen = np.zeros(count, bool)
    size = min(count - 1, max(1, round(share * count)))
    chosen[np.random.default_rng(0).permutation(count)[:size]] = True
    return chosen
