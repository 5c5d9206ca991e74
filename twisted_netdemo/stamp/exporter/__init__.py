"""
Many targets measured all the time, for Prometheus.
"""
