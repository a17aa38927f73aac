"""Plan and events to commands, commands to events: the interpreter. It knows plans, never source text."""
