"""
The crawl of a mirror: what is asked for, when, and what becomes of it.
"""
