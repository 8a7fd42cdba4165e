"""Kinds that users define.

`customresources` serves and removes them, `rules` evaluates the CEL in their schemas (`api.structural`), `conversion`
asks their webhook for another version. Models apiextensions-apiserver.
"""
