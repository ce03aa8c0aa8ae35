"""What happened: events, their names, and what may never be kept of them. Pure; imports nothing of ours."""
