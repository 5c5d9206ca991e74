"""
The command line: what the command C{gopherfetch} and the service under twistd add to the library.
"""
