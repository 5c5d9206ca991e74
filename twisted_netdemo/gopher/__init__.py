"""
A Gopher client (RFC 1436, RFC 4266): URLs, menus and bodies as values, and an agent to fetch them.
"""
