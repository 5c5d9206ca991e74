"""
The page over HTTP: who is let in, the stream of events, the files.
"""
