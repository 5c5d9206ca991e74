"""
What a service shows of itself: metrics over HTTP, a log of sessions, a log in JSON.
"""
