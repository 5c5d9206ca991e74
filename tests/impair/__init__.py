"""
Tests of the bad network on purpose.
"""
