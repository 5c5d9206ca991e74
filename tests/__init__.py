"""
Tests: the same folders as the package, test_<module>.py; real programs in test_plugins.py.
"""
