"""Real covariates: the images of digits that come with scikit-learn, standardized."""

import functools

import numpy as np


@functools.cache
def standardized_digits(chosen: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Images of the chosen digits, by default of all: (x (n, d), labels (n,)).

    The pixels that vary, each with mean 0 and variance 1. Raises ValueError if a digit is missing.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    if missing := set(chosen) - set(labels):
        raise ValueError(f"digits: no images of {', '.join(map(str, sorted(missing)))}")
    kept = np.isin(labels, chosen or labels)
    images, labels = images[kept], labels[kept]
    images = images[:, images.std(0) > 0]
    return (images - images.mean(0)) / images.std(0), labels


def two_digits(chosen: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Images of two digits: (x (n, d), +1 for the first and -1 for the second, (n,))."""
    x, labels = standardized_digits(chosen)
    return x, np.where(labels == chosen[0], 1.0, -1.0)


def leading_coordinate(x: np.ndarray) -> np.ndarray:
    """The first principal component of centred data x (n, d), with variance 1, (n,)."""
    z = x @ np.linalg.svd(x, full_matrices=False)[2][0]
    return z / z.std()
