"""Which node class suits which task: feasible pairs and what each costs."""

from placement.matching.cost import Costs, best, costs
from placement.matching.feasible import Feasibility, Reason, feasibility
from placement.matching.modes import PowerForecast, forecast_power
from placement.matching.power import Booster, PowerModel
from placement.matching.table import SCORE_COLUMNS, score_frame
from placement.matching.tasks import TASK_COLUMNS, TaskTable, task_table
from placement.matching.weights import PRESETS, Rules, Weights, weights_of

__all__ = [
    "PRESETS",
    "SCORE_COLUMNS",
    "TASK_COLUMNS",
    "Booster",
    "Costs",
    "Feasibility",
    "PowerForecast",
    "PowerModel",
    "Reason",
    "Rules",
    "TaskTable",
    "Weights",
    "best",
    "costs",
    "feasibility",
    "forecast_power",
    "score_frame",
    "task_table",
    "weights_of",
]
