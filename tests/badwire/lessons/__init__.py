"""
Tests of the lessons and their programs.
"""
