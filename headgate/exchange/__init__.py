"""Step graphs in JSON, as other products keep them: read into the language, and written from it. No input or output.

What cannot be carried over is a `Finding` with its place in the JSON; nothing is dropped in silence.
"""
