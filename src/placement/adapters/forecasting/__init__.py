"""Forecasters that stand on trained models."""

from placement.adapters.forecasting.live_model import LiveModel, Scorer
from placement.adapters.forecasting.model_forecaster import ModelForecaster

__all__ = ["LiveModel", "ModelForecaster", "Scorer"]
