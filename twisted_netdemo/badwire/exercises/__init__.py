"""
Exercises: pages of recorded runs with something hidden, and the marking of what students answer.
"""
