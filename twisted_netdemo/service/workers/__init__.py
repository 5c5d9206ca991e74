"""
One service in several processes that share its ports.
"""
