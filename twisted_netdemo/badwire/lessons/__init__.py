"""
The lessons: one for each thing that TCP promises and UDP does not, shown on the wire.
"""
