"""
Tests of linecount.
"""
