"""
What has been measured: the figures, and how they are shown.
"""
