"""The functions, by the library that upstream has them in; importing this package fills the table."""

from kube_nb.machinery.cel.functions import FUNCTIONS
from kube_nb.machinery.cel.libraries import authorizer, collections, kubernetes, standard, text

#: Names with a dot: a call of them has no receiver.
QUALIFIED = frozenset(name for name in FUNCTIONS if "." in name) | standard.TYPE_NAMES | {authorizer.REQUEST_RESOURCE}

__all__ = ["QUALIFIED", "authorizer", "collections", "kubernetes", "standard", "text"]
