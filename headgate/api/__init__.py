"""The front door of every shell: check, compile, run, operate. Each function is synchronous and prints nothing."""
