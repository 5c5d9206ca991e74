"""
The ladder of a log in words and pictures, and the capture.
"""
