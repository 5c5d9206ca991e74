"""
Files that a body is written to.
"""
