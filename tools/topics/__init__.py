"""The valid vectors, a module a topic; `tools/vectors.py` writes what their `vectors()` give."""
