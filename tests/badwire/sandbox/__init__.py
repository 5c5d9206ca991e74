"""
Tests of the private network.
"""
