"""The verbs of training; each module is one, found through pyproject's entry points."""
