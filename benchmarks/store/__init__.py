"""`python -m benchmarks.store`: what an event costs to keep, and what every question of the report costs to answer."""
