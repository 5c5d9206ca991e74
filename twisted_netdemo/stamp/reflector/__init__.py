"""
The Session-Reflector: it answers each test packet with what it saw of it.
"""
