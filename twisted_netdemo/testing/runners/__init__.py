"""
Tests on a bad wire, for the test runners of other projects.
"""
