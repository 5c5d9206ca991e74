"""
What a user would write or pick instead: programs that take a port and know nothing of the suite.
"""
