"""
The programs that the lessons run on the wire: C{badwire-actor}.
"""
