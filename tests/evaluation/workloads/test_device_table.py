"""The measured device table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from placement.errors import InvalidInput
from placement.evaluation.workloads.catalog import device_table
from placement.evaluation.workloads.device_table import read_device_table, split_log_normal

HEADER = "device,kind,api,scene,n,median_s,p25_s,p75_s\n"


def test_the_shipped_table_is_24_devices_by_7_scenes_with_126_cells() -> None:
    table = device_table()

    assert table.median.shape == (24, 7)
    assert table.measured.sum() == 126
    assert table.gpu.sum() == 15


def test_drawn_factors_have_the_measured_quartiles() -> None:
    table = device_table()
    cell = 5, table.scenes.index("bmw27")
    below, above = (spread[cell] for spread in table.spread())
    z = np.random.default_rng(0).standard_normal(200_000)

    times = table.median[cell] * split_log_normal(z, below, above)

    expected = [table.low[cell], table.median[cell], table.high[cell]]
    assert np.allclose(np.quantile(times, [0.25, 0.5, 0.75]), expected, rtol=2e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("device,kind\nx,CPU\n", "lacks the columns"),
        (HEADER + "x,CPU,CPU,s,1,2,1,3\n" * 2, r"holds \['x \(CPU\)', 's'\] twice"),
        (HEADER + "x,CPU,CPU,s,1,2,3,3\n", "row 0: quartiles must be above 0 s and in order"),
        (HEADER + "x,CPU,CPU,s,1,2,0,3\n", "row 0: quartiles"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)

    with pytest.raises(InvalidInput, match=message):
        read_device_table(path)
