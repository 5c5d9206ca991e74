"""
linecount: a TCP service that welcomes its client, counts the characters of one line, and closes.
"""
