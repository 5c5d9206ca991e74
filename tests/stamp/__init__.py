"""
Tests of STAMP.
"""
