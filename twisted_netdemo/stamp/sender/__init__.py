"""
The Session-Sender: it sends test packets on schedule, and notes what comes back.
"""
