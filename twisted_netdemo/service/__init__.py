"""
What several services need from Twisted: start and stop, listening, limits, metrics.
"""
