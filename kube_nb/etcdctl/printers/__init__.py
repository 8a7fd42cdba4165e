"""The output forms of ``-w``: a class each, a function per kind of response."""

from collections.abc import Mapping

from kube_nb.etcdctl.printers.fields import FieldsPrinter
from kube_nb.etcdctl.printers.json import JsonPrinter
from kube_nb.etcdctl.printers.printer import Printer
from kube_nb.etcdctl.printers.protobuf import ProtobufPrinter
from kube_nb.etcdctl.printers.simple import SimplePrinter
from kube_nb.etcdctl.printers.table import TablePrinter

PRINTERS: Mapping[str, type[Printer]] = {
    "simple": SimplePrinter,
    "json": JsonPrinter,
    "fields": FieldsPrinter,
    "protobuf": ProtobufPrinter,
    "table": TablePrinter,
}
__all__ = ["PRINTERS", "Printer"]
