"""Simulation of the whole orchestrator under faults that a seed chooses; every seed can be played again."""
