"""What every view is: a state of plain JSON with faces for each kind of reader.

A live front end gets a widget; a saved page, papermill and a repository preview get HTML with a static picture; a
terminal gets text. All faces are made from the same state.
"""

from collections.abc import Callable
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Shown:
    """A view. state: plain JSON. text, html: its faces. widget: made when a notebook first shows it, if it has one.

    The object itself can be shown again in another cell; all showings share the widget.
    """

    def __init__(
        self,
        state: Any,
        *,
        text: Callable[[Any], str],
        html: Callable[[Any], str],
        widget: "Callable[[Shown], Any] | None" = None,
    ) -> None:
        self.state = state
        self._text = text
        self._html = html
        self._make_widget = widget
        self._widget: Any = None

    @property
    def text(self) -> str:
        return self._text(self.state)

    @property
    def html(self) -> str:
        return self._html(self.state)

    @property
    def widget(self) -> Any:
        """The ipywidgets view; None if this view has no live face."""
        if self._widget is None and self._make_widget is not None:
            self._widget = self._make_widget(self)
        return self._widget

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """IPython's protocol: every face in one output; a live front end takes the widget."""
        bundle: dict[str, Any] = {"text/plain": self.text, "text/html": self.html}
        if self.widget is not None:
            model = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
            bundle[WIDGET_VIEW] = model
        return bundle

    def display(self) -> None:
        """Show it from within a cell."""
        from IPython.display import display

        display(self)
