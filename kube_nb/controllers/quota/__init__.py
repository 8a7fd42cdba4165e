"""ResourceQuotas: their status tells what a namespace may use and what it uses."""

from kube_nb.controllers.quota.controller import ResourceQuotaController

__all__ = ["ResourceQuotaController"]
