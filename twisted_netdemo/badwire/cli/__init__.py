"""
The subcommands of C{badwire}: each is a module with C{Options} and C{main}.
"""
