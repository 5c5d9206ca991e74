"""
A bad network on purpose: a relay whose faults are decided by a seed and written down.
"""
