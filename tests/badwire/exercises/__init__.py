"""
Tests of the exercises.
"""
