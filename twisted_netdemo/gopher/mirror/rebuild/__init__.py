"""
A lost database, made again from the files.
"""
