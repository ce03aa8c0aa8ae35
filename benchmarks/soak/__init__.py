"""The soak test: minutes at half load, with visitors who do not behave, and what is left of it afterwards."""
