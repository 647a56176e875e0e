"""Training: tables, models, calibration, backtest, registry."""
