"""Instructions per request, counted: they need no quiet machine. Beside those agreed on (`make bench-guard`)."""
