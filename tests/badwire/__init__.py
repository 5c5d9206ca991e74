"""
Tests of the bad wire.
"""
