"""Nurie colours line art from reference pictures."""

__version__ = "0.1.0"
