"""
One request of a mirror and its answer.
"""
