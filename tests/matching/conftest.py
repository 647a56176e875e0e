"""A power model learned from the shipped measurements, once."""

import pandas as pd
import pytest

from placement.adapters.stores.shipped import shipped
from placement.matching.power import PowerModel
from training.power import fit_power


@pytest.fixture(scope="session")
def power_model() -> PowerModel:
    """Learned from ``data/power``."""
    folder = shipped("data/power")
    return fit_power(pd.read_csv(folder / "gpu_power_limits.csv"), pd.read_csv(folder / "server_load_watts.csv"))
