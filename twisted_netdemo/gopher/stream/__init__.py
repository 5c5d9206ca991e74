"""
A body on its way from the connection to its reader.
"""
