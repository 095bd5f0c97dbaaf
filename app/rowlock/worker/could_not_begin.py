"""What is raised where the worker has no means to begin a function."""


class CouldNotBegin(Exception):
    """No thread, or no child process, could be started for a handler or a step: its attempt is given back, unspent."""
