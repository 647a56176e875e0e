"""Policies of other schedulers over whole farms, one file each: what the planner is compared with."""
