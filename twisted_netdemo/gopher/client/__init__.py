"""
The client itself: an agent, its connections, and the responses they bring.
"""
