"""The commands, each with what it needs and no more; loading.py names them."""
