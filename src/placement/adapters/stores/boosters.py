"""LightGBM models read from text and run through LightGBM's own C interface.

``import lightgbm`` costs seconds because it brings scikit-learn with it; scoring needs only the compiled library,
which the package's small ``libpath`` module finds and loads. The calls are those of LightGBM's documented C API
(https://lightgbm.readthedocs.io/en/stable/C-API.html).
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np

from placement.errors import CorruptModel, InvalidInput
from placement.units import Floats

__all__ = ["TextBooster"]

_FLOAT64 = 1
_RAW_SCORE, _CONTRIBUTIONS = 1, 3


@cache
def _library() -> ctypes.CDLL:
    package = importlib.util.find_spec("lightgbm")
    if package is None or package.origin is None:  # pragma: no cover - lightgbm is a base dependency
        raise ImportError("lightgbm is not installed")
    spec = importlib.util.spec_from_file_location("_lightgbm_libpath", Path(package.origin).with_name("libpath.py"))
    if spec is None or spec.loader is None:  # pragma: no cover - the file is part of every lightgbm wheel
        raise ImportError("lightgbm has no libpath module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    library = cast("ctypes.CDLL", module._LIB)
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


def _checked(status: int) -> None:
    if status != 0:
        raise CorruptModel(f"LightGBM refused the model: {_library().LGBM_GetLastError().decode(errors='replace')}")


class TextBooster:
    """A boosted ensemble kept as LightGBM text.

    Parameters
    ----------
    text
        What ``lightgbm.Booster.model_to_string`` wrote.

    Raises
    ------
    CorruptModel
        LightGBM cannot read the text.
    """

    def __init__(self, text: str) -> None:
        if not text.startswith("tree") or "end of trees" not in text:
            raise CorruptModel("not a whole LightGBM text model: it must begin with 'tree' and hold 'end of trees'")
        self.text = text
        self._handle = ctypes.c_void_p()
        rounds = ctypes.c_int()
        _checked(
            _library().LGBM_BoosterLoadModelFromString(text.encode(), ctypes.byref(rounds), ctypes.byref(self._handle))
        )
        features = ctypes.c_int()
        _checked(_library().LGBM_BoosterGetNumFeature(self._handle, ctypes.byref(features)))
        self.features = features.value

    def __del__(self) -> None:
        """Give the library's memory back."""
        if getattr(self, "_handle", None):
            _library().LGBM_BoosterFree(self._handle)

    def predict(self, matrix: Floats) -> Floats:
        """Return raw scores, shape ``(rows,)``, for features of shape ``(rows, features)``."""
        return self._run(matrix, _RAW_SCORE, 1)[:, 0]

    def contributions(self, matrix: Floats) -> Floats:
        """Return SHAP values, shape ``(rows, features + 1)``, the base value last (Lundberg et al. 2020)."""
        return self._run(matrix, _CONTRIBUTIONS, self.features + 1)

    def _run(self, matrix: Floats, kind: int, width: int) -> Floats:
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise InvalidInput(f"matrix has shape {rows.shape}, the model expects (rows, {self.features})")
        out = np.empty((len(rows), width))
        if not len(rows):
            return out
        written = ctypes.c_int64()
        _checked(
            _library().LGBM_BoosterPredictForMat(
                self._handle,
                rows.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(rows.shape[0]),
                ctypes.c_int32(rows.shape[1]),
                ctypes.c_int(1),
                ctypes.c_int(kind),
                ctypes.c_int(0),
                ctypes.c_int(-1),
                b"num_threads=1",
                ctypes.byref(written),
                out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
            )
        )
        return out
