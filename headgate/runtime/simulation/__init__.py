"""Runs on a virtual clock: the real decider and executor, with made-up answers in place of the world."""
