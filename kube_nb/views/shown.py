"""What every view is: a state of plain JSON with faces for each kind of reader.

A live front end gets a widget; a saved page, papermill and a repository preview get HTML with a static picture; a
terminal gets text. All faces are made from the same state.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kube_nb.cluster import Cluster
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj
from kube_nb.views import feed, page
from kube_nb.views.feed import Feed
from kube_nb.views.page import Block

if TYPE_CHECKING:
    import pandas as pd

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Shown:
    """A view. state: plain JSON. text, html: its faces. widget: made when a notebook first shows it, if it has one.

    frame: the rows that `df` is made of; without it a view has none.

    The object itself can be shown again in another cell; all showings share the widget.
    """

    def __init__(
        self,
        state: Any,
        *,
        text: Callable[[Any], str],
        html: Callable[[Any], str],
        widget: "Callable[[Shown], Any] | None" = None,
        frame: Callable[[Any], Sequence[Mapping[str, Any]]] | None = None,
    ) -> None:
        self.state = state
        self._text = text
        self._html = html
        self._make_widget = widget
        self._frame = frame
        self._widget: Any = None

    @property
    def text(self) -> str:
        return self._text(self.state)

    @property
    def html(self) -> str:
        return self._html(self.state)

    @property
    def df(self) -> "pd.DataFrame":
        """What the view shows, as rows; AttributeError if it has none."""
        if self._frame is None:
            raise AttributeError("this view has no table")
        import pandas as pd

        return pd.DataFrame([dict(row) for row in self._frame(self.state)])

    @property
    def widget(self) -> Any:
        """The ipywidgets view; None if this view has no live face, or nobody could show it."""
        if self._widget is None and self._make_widget is not None and _in_a_notebook():
            self._widget = self._make_widget(self)
        return self._widget

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """IPython's protocol: every face in one output; a live front end takes the widget."""
        widget = self.widget
        bundle: dict[str, Any] = {"text/plain": self.text, "text/html": self.html}
        if widget is not None:
            bundle[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        return bundle

    def display(self) -> None:
        """Show it from within a cell."""
        from IPython.display import display

        display(self)  # type: ignore[no-untyped-call]  # IPython leaves it untyped


def live_page(
    cluster: Cluster,
    resources: Sequence[GVR],
    state: Callable[[list[Obj]], Any],
    blocks: Callable[[Any], Sequence[Block]],
    *,
    namespace: str | None = None,
    at: int | None = None,
    frame: Callable[[Any], Sequence[Mapping[str, Any]]] | None = None,
    orders: Callable[[Any], Sequence[str]] | None = None,
) -> Shown:
    """A view that is a page of tables and follows the resources, or shows them as they were at a revision.

    state: objects to the view's state, always asked on the cluster's loop. blocks: the state to its page. orders: what
    the reader may sort by; the choice is the state's "order".
    """

    async def first() -> Any:
        return state(await feed.listed(cluster, resources, namespace, at))

    def html(state_: Any) -> str:
        return page.html(blocks(state_))

    def make_widget(shown: Shown) -> Any:
        pane = widgets().HTML(html(shown.state))
        chosen = _choice(orders(shown.state)) if orders is not None else None

        def redraw() -> None:
            if chosen is not None:
                shown.state["order"] = chosen.value
            drawn = html(shown.state)
            if drawn != pane.value:
                pane.value = drawn

        def draw(objects: list[Obj]) -> None:
            shown.state = state(objects)
            if chosen is not None and orders is not None and list(orders(shown.state)) != list(chosen.options):
                kept = chosen.value
                chosen.options = names = list(orders(shown.state))
                chosen.value = kept if kept in names else names[0]
            redraw()

        Feed(cluster, resources, draw, namespace=namespace).start()
        if chosen is None:
            return pane
        chosen.observe(lambda _change: redraw(), "value")
        return widgets().VBox([chosen, pane])

    def text(state_: Any) -> str:
        return page.text(blocks(state_))

    return Shown(cluster.run(first()), text=text, html=html, widget=make_widget if at is None else None, frame=frame)


def _choice(names: Sequence[str]) -> Any:
    layout = {"width": "max-content"}
    return widgets().Dropdown(options=list(names), description="sort by", layout=layout)


def widgets() -> Any:
    """The module ipywidgets, which comes with the extra ``lab``."""
    return importlib.import_module("ipywidgets")


def _in_a_notebook() -> bool:
    """Whether a kernel with ipywidgets runs us; a terminal shows text only."""
    from IPython.core.getipython import get_ipython

    if getattr(get_ipython(), "kernel", None) is None:
        return False
    return importlib.util.find_spec("ipywidgets") is not None
