"""
The command C{gopherfetch}, and the service under twistd with the same options.
"""
