"""
Tests of the ladder in words and pictures.
"""
