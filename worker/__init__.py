"""The worker node: guard, supervisor and executors."""
