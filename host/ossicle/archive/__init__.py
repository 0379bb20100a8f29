"""Audio that is kept: objects in a store, the spool before it, and the index over it.

`ossicle.sinks.archive` writes one while a microphone is heard; what is here reads, checks and deletes, too.
"""
