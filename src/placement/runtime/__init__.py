"""The loop around the controller and the planner: hear, record, decide, record, act; and the ports it needs."""
