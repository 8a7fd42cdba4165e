"""Printers: one function per kind that makes an object's row of a table; `api.tables` lists them with their columns."""
