"""Workflows that a team might have, each checked and run against real servers."""
