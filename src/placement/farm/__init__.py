"""Nouns of a render farm: node classes, energy modes, tariffs."""

from placement.farm.energy import BALANCED, ECO, MODES, PERFORMANCE, EnergyMode
from placement.farm.nodes import NODE_COLUMNS, NodeClass, NodeTable, node_classes

__all__ = [
    "BALANCED",
    "ECO",
    "MODES",
    "NODE_COLUMNS",
    "PERFORMANCE",
    "EnergyMode",
    "NodeClass",
    "NodeTable",
    "node_classes",
]
