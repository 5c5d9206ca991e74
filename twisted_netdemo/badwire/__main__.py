"""
C{python3 -m twisted_netdemo.badwire}: the command C{badwire}.
"""

import sys

from twisted_netdemo.badwire.command import main

if __name__ == "__main__":
    sys.exit(main())
