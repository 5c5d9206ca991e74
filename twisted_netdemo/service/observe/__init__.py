"""
What a service counts and logs: metrics, events of sessions, a log in JSON.
"""
