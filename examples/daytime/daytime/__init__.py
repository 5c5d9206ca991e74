"""
The Daytime Protocol (RFC 867): the server sends each client the date and the time.
"""
