"""
How Sphinx builds the site: C{sphinx-build -W docs build/docs}, or C{nox -s docs}.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "twisted-netdemo"
author = "The twisted-netdemo authors"
version = release = installed("twisted-netdemo")

extensions = [
    "myst_parser",
    "api_reference",
    "command_lines",
    "dead_links",
    "recorded_ladders",
    "schema_tables",
]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4
nitpicky = True
smartquotes = False  # they would make one dash of an option's two

html_theme = "furo"
html_title = "twisted-netdemo"
html_static_path = ["style"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}

# Where a block names no language it has none.
highlight_language = "none"
