"""The version of samft, the one place that says it."""

VERSION = __version__ = "0.1.0"
