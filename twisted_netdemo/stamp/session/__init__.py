"""
What both ends of a STAMP session use: a socket, the kernel's word on its clock, which packets came.
"""
