"""How Sphinx makes the site: make docs."""

project = "libwmlb"
extensions = ["myst_parser"]
root_doc = "README"
html_theme = "furo"
html_title = "libwmlb"
html_show_copyright = False
myst_heading_anchors = 3
# Of the C library.
nitpick_ignore = [("c:identifier", name) for name in
                  ["int32_t", "uint8_t", "uint32_t", "uint64_t", "int64_t", "size_t"]]
