"""
The lessons: one for each thing that TCP promises and UDP does not, each seen on the wire.
"""
