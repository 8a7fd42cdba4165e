"""How components speak to an apiserver, and how they follow what it holds; client-go's ideas at a small size.

::

    LIST/WATCH ----> Reflector ----> Informer ----> handlers ----> WorkQueue ----> Controller
    (rest.Client     list, watch,    dict + indices  on_add         stingy, FIFO,   reconcile(key)
     over any        resume, relist  shared, frozen  on_update      delaying,       error = retry with backoff
     Transport)                                      on_delete      rate limited    number = look again then

Guarantees:

- A `Client` raises `ApiError` for every refusal of the server, and `errors.Unreachable` if there is no server to ask.
- Objects got here are shared with the server, with the cache and with other readers: never change them. The mutation
  detector (`mutation`, or ``KUBE_CACHE_MUTATION_DETECTOR=true``) finds who does.
- An informer's cache follows the server's history in order and never skips a deletion; between two states of one
  object it may skip states in between (after a relist), so handlers are about levels, not edges.
- A handler runs synchronously and sees the cache with its event applied. One event costs an informer a few
  microseconds, whatever the cluster's size.
- A key is reconciled by at most one worker at a time, and once for any number of additions before that.
- While a controller reconciles, `machinery.cause.current` says which revision made it look.
- What waits as housekeeping (lease renewals, retries that have reached their longest delay) uses periodic timers.

Read first: `rest` (verbs), then `informer`, `workqueue`, `controller`. Transports: `transport` (a function call into an
apiserver in this process), `http` (HTTPS and WebSocket, from a `kubeconfig`). Beside the graph: `events` (what
``kubectl describe`` lists under Events) and `leaderelection`.
"""

from kube_nb.client.controller import Controller
from kube_nb.client.errors import Unreachable
from kube_nb.client.events import EventRecorder
from kube_nb.client.informer import Informer, InformerFactory, Registration
from kube_nb.client.leaderelection import LeaderElector
from kube_nb.client.rest import Client
from kube_nb.client.transport import InKernelTransport, Transport
from kube_nb.client.workqueue import WorkQueue

__all__ = [
    "Client",
    "Controller",
    "EventRecorder",
    "InKernelTransport",
    "Informer",
    "InformerFactory",
    "LeaderElector",
    "Registration",
    "Transport",
    "Unreachable",
    "WorkQueue",
]
