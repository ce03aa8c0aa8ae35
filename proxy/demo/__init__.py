"""A small made-up shop to try footfall on: an ordinary site that knows nothing of the proxy in front of it."""
