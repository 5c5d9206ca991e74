"""
The Daytime Protocol (RFC 867): whoever asks is told the date and the time.
"""
