"""
The kernel's own TCP and UDP through a wire that is really bad, and the truth about each packet.
"""
