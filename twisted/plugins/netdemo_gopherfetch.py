"""
C{twistd -n gopherfetch}: a Gopher client that is right where the others are not.
"""

from twisted.application.service import ServiceMaker

gopherfetch = ServiceMaker(
    "gopherfetch",
    "twisted_netdemo.gopher.cli.tap",
    "Fetch a Gopher menu, text or file.",
    "gopherfetch",
)
