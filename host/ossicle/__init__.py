"""A microphone for Python that accounts for every sample."""

__version__ = "0.1.0"
