"""
The figures of a measurement, and their output.
"""
