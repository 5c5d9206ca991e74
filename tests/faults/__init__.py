"""
Tests of the model of a bad network that impair and badwire share.
"""
