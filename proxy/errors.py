"""What stops a command: an error of one line, for the owner.

Law: imports nothing, so that whoever only has to catch it loads nothing for that.
"""


class StartError(Exception):
    """Something that the owner has to put right before footfall can work; one line."""
