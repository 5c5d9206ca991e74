"""
Programs that load a server, check every answer, and print what it took as one line of JSON.
"""
