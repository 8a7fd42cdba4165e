"""(docstring to be written: the package's guarantees, data flow, which module to read first)."""
