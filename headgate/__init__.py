"""Headgate: workflows as text, proved before they run, run durably."""

__version__ = "0.1.0"
