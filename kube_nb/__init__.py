"""A whole Kubernetes cluster inside a notebook kernel."""

__version__ = "0.1.0.dev0"
