"""
WARC files (ISO 28500) of what a mirror asked and was answered.
"""
