"""footfall among other proxies: what each costs for the same traffic, and how fast it answers (`make bench`)."""
