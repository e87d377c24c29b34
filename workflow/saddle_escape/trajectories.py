"""A network's way over time as a dataset, which the reduced and the full network have alike."""

import numpy as np
import xarray as xr


def of_scales(
    t: np.ndarray, loss: np.ndarray, scale: np.ndarray, distance: np.ndarray | None = None
) -> xr.Dataset:
    """Loss (n,) and layer scales X_l (n, L) at flow times t (n,), dimensions t and layer (1..L).

    distance: (n, L), relative Frobenius distances of the W_l from the symmetric manifold.
    """
    variables = {
        "loss": ("t", loss, {"units": "1", "long_name": "population loss"}),
        "scale": (("t", "layer"), scale, {"units": "1", "long_name": "layer scale X_l"}),
    }
    if distance is not None:
        long_name = "relative Frobenius distance of W_l from the symmetric manifold"
        variables["distance"] = (("t", "layer"), distance, {"units": "1", "long_name": long_name})
    coordinates = {
        "t": ("t", t, {"units": "flow time"}),
        "layer": ("layer", np.arange(1, scale.shape[1] + 1), {"units": "1"}),
    }
    return xr.Dataset(variables, coordinates)
