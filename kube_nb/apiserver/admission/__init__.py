"""Admission: the stations between who may ask and what is stored.

A plugin mutates (`admit`), refuses (`validate`), or both. `chain.Chain` runs them in the order of the table in
`plugins.CHAIN`, and only those whose `handles` names the request's operation and resource. Models apiserver
pkg/admission; read `attributes`, then `chain`, then any plugin.
"""

from kube_nb.apiserver.admission.attributes import (
    CONNECT,
    CREATE,
    DELETE,
    UPDATE,
    Attributes,
    Mutating,
    Plugin,
    Validating,
)
from kube_nb.apiserver.admission.chain import Chain

__all__ = ["CONNECT", "CREATE", "DELETE", "UPDATE", "Attributes", "Chain", "Mutating", "Plugin", "Validating"]
