"""
The state of a mirror: one SQLite file, C{mirror.sqlite}.
"""
