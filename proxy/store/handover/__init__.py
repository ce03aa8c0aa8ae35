"""From workers to the one process that writes for all of them: how a batch gets there, and its results back."""
