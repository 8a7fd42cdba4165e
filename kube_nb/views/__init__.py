"""Pictures of a cluster for notebooks: each view has a live face, a static one and a text.

Guarantees: a view's state is plain JSON and every face is made from it, so that a saved page, a headless run and a
terminal show what the live notebook shows. Every text that comes from an object is escaped. A view only reads (but for
`request`, which is one); it makes no difference to the cluster but the load of its watches.

Data flow: a `feed.Feed` follows resources on the cluster's loop and hands over their objects, a `feed.Pulse` looks
again and again at what no resource tells; a view of a past revision is read once. A view's own module turns that into
its state; `page` turns a state into a table as HTML or text, `relations`, `layout` and `svg` a graph of
objects into a picture; `shown.Shown` holds a view's faces and gives IPython all of them in one output. Read `shown`,
then `match`, the smallest whole view, then `graph`, the largest. ipywidgets and ipycytoscape are imported when a
notebook first shows a live view; without them the static faces remain.
"""
