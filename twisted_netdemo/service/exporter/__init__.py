"""
Metrics for Prometheus, over HTTP: the page, and the small site that serves it within bounds.
"""
