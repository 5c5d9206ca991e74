"""
The two ends of the wire: their programs, and what the kernel says about their connections.
"""
