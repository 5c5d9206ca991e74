"""
The house as its imports show it: what the rooms are, what stands on what, and a map of it.
"""
