"""What is described, and what its description may ask for."""

from dataclasses import dataclass, field
from datetime import datetime

from kube_nb.client import Client
from kube_nb.kubectl.describe.writer import Writer
from kube_nb.machinery import duration, times
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

#: Lists are read in pieces of this size.
CHUNK = 500


@dataclass(slots=True)
class Subject:
    """obj: with apiVersion and kind. now: for ages. show_events: whether the events are wanted."""

    client: Client
    obj: Obj
    now: datetime
    show_events: bool = True
    out: Writer = field(default_factory=Writer)

    @property
    def metadata(self) -> Obj:
        return dict(self.obj["metadata"])

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "")

    @property
    def spec(self) -> Obj:
        return self.obj.get("spec") or {}

    @property
    def status(self) -> Obj:
        return self.obj.get("status") or {}

    def head(self, *, namespaced: bool = True) -> None:
        """Name and Namespace."""
        self.out.line(0, "Name:", self.name)
        if namespaced:
            self.out.line(0, "Namespace:", self.namespace)

    def labels_and_annotations(self) -> None:
        self.out.labels("Labels", self.metadata.get("labels"))
        self.out.annotations("Annotations", self.metadata.get("annotations"))

    def age(self, timestamp: str | None) -> str:
        """``5m``; ``<unknown>`` for none."""
        return duration.human(times.seconds_since(timestamp, self.now)) if timestamp else "<unknown>"

    async def find(
        self, gvr: GVR, namespace: str | None, *, label_selector: str = "", field_selector: str = ""
    ) -> list[Obj]:
        """Every object, read in chunks as kubectl does."""
        found: list[Obj] = []
        token = ""
        while True:
            listed = await self.client.list(
                gvr,
                namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                limit=CHUNK,
                continue_=token,
            )
            found += listed.get("items") or []
            token = (listed.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

    async def find_or_none(
        self, gvr: GVR, namespace: str | None, *, label_selector: str = "", field_selector: str = ""
    ) -> list[Obj] | None:
        """The list, None if the server refuses it."""
        try:
            return await self.find(gvr, namespace, label_selector=label_selector, field_selector=field_selector)
        except ApiError:
            return None


def conditions(out: Writer, rows: list[Obj], *columns: str) -> None:
    """The Conditions table of workloads: type, status and reason."""
    if not rows:
        return
    out.line(0, "Conditions:")
    out.line(1, *columns)
    out.line(1, *("-" * len(column) for column in columns))
    for row in rows:
        out.line(1, f"{row['type']} ", row["status"], row.get("reason", ""))
