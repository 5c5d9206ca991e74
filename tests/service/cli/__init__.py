"""
Tests of what the command lines have in common.
"""
