"""
The private network: namespaces, devices, files, and the programs that run there.
"""
