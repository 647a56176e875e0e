"""Which node class suits which task: feasible pairs and what each costs."""
