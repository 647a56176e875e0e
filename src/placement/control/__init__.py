"""The state machine of a farm: what follows from each fact, and which facts follow from each report."""
