"""
C{python -m twisted_netdemo.gopher}: the command C{gopherfetch}.
"""

from twisted_netdemo.gopher.cli.command import main

if __name__ == "__main__":
    main()
