"""``%kube etcd``: the store's members, their roles, terms and logs, who reaches whom, and what they last said."""

from collections.abc import Sequence
from html import escape
from math import cos, pi, sin
from typing import Any

from kube_nb.cluster import Cluster
from kube_nb.cluster.members import Link, LogEntry, Members, MemberState
from kube_nb.views import page, svg
from kube_nb.views.feed import Pulse
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown, widgets

_WIDTH, _HEIGHT, _MARGIN = 250.0, 112.0, 16.0
_CELL = 25.0
#: Members -> the size of the circle that they stand on: (across, down).
_CIRCLES = {1: (0.0, 0.0), 2: (190.0, 0.0), 3: (210.0, 120.0)}
_LARGE = (320.0, 180.0)
_LEGEND = "Below each name: the end of its log, the term of each entry inside; green: committed, with a bar: applied."
_ROLES = {
    "leader": "good",
    "follower": "plain",
    "learner": "plain",
    "candidate": "busy",
    "pre-candidate": "busy",
    "down": "done",
}


def show(cluster: Cluster) -> Shown:
    """The members now; live in a notebook."""

    def make_widget(view: Shown) -> Any:
        pane = widgets().HTML(html(view.state))

        async def draw() -> None:
            view.state = await members_of(cluster)
            drawn = html(view.state)
            if drawn != pane.value:
                pane.value = drawn

        Pulse(cluster, draw).start()
        return pane

    return Shown(cluster.etcd_members(), text=text, html=html, widget=make_widget, frame=frame)


async def members_of(cluster: Cluster) -> Members:
    """`Cluster.etcd_members`, for who is on the cluster's loop already."""
    from kube_nb.cluster import members

    return await members.state(cluster.engine)


def frame(state: Members) -> list[dict[str, Any]]:
    """A row per member."""
    return [{key: value for key, value in member.items() if key != "entries"} for member in state["members"]]


def text(state: Members) -> str:
    return page.text(blocks(state))


def html(state: Members) -> str:
    picture = svg.image(render(state), sentence(state)) if not state["outside"] else ""
    head, *rest = blocks(state)
    return f"{page.html([head])}{picture}{page.html([page.note(_LEGEND), *rest] if picture else rest)}"


# -- words -------------------------------------------------------------------------------------------------------------


def sentence(state: Members) -> str:
    """Who leads, who is cut off, and whether the store takes writes."""
    members = state["members"]
    running = [member for member in members if member["role"] != "down"]
    quorum = [member for member in running if member["quorum"]]
    leaders = [member for member in quorum if member["role"] == "leader"]
    leader = max(leaders, key=lambda member: member["term"], default=None)
    down = [member["name"] for member in members if member["role"] == "down"]
    lost = [member["name"] for member in running if not member["quorum"]]
    if not quorum:
        together = max((sum(each["side"] == member["side"] for each in running) for member in running), default=0)
        head = f"no quorum: at most {together} of {state['voters']} members reach each other, so nothing is written"
    elif leader is None:
        head = "no leader yet: an election is under way, writes wait"
    else:
        head = f"{leader['name']} leads in term {leader['term']}"
    return "; ".join([head, *([f"{', '.join(lost)} cut off from the quorum"] if lost and quorum else []), *_down(down)])


def _down(names: Sequence[str]) -> list[str]:
    return [f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} down"] if names else []


def blocks(state: Members) -> list[Block]:
    found = [page.heading(f"etcd: {sentence(state)}")]
    if state["outside"]:
        found.append(page.note("an etcd outside this kernel: what its members say to each other stays among them"))
    columns = ["MEMBER", "ROLE", "TERM", "LEADER", "LOG ENDS", "COMMITTED", "APPLIED", "REVISION", "REACHES"]
    rows = [_row(state, member) for member in state["members"]]
    found.append(page.table(columns, rows, numeric=[2, 4, 5, 6, 7]))
    if state["messages"]:
        found.append(page.heading("last messages (without heartbeats)"))
        spoken = [_message(said) for said in reversed(state["messages"])]
        found.append(page.table(["SECOND", "FROM", "TO", "MESSAGE"], spoken, numeric=[0]))
    return found


def _row(state: Members, member: MemberState) -> list[Cell]:
    return [
        page.cell(member["name"], strong=member["role"] == "leader"),
        page.cell(member["role"], _tone(member)),
        *(page.cell(value) for value in (member["term"], member["leader"] or "-", member["last"], member["commit"])),
        *(page.cell(value or "-") for value in (member["applied"], member["revision"])),
        _reach(state, member),
    ]


def _tone(member: MemberState) -> str:
    return _ROLES[member["role"]] if member["quorum"] or member["role"] == "down" else "bad"


def _reach(state: Members, member: MemberState) -> Cell:
    if member["role"] == "down":
        return page.cell("-")
    others = [each["name"] for each in state["members"] if each is not member and each["role"] != "down"]
    cut = {frozenset((link["one"], link["other"])) for link in state["links"] if link["cut"]}
    reached = [other for other in others if frozenset((member["name"], other)) not in cut]
    if len(reached) == len(others):
        return page.cell(", ".join(reached) or "itself")
    missed = ", ".join(other for other in others if other not in reached)
    return page.cell(f"{', '.join(reached) or 'nobody'} (cut off from {missed})", "bad")


def _message(said: Any) -> list[Cell]:
    return [
        page.cell(f"{said['time_s']:.3f}"),
        page.cell(said["sender"]),
        page.cell(said["to"]),
        page.cell(f"{said['what']}{' - lost' if said['lost'] else ''}", "bad" if said["lost"] else ""),
    ]


# -- the picture -------------------------------------------------------------------------------------------------------


def render(state: Members) -> str:
    """Members on a circle, links between them, each with the end of its log; the ground is the page's own."""
    places = _places([member["name"] for member in state["members"]])
    width = max(x for x, _ in places.values()) + _WIDTH + _MARGIN
    height = max(y for _, y in places.values()) + _HEIGHT + _MARGIN
    down = {member["name"] for member in state["members"] if member["role"] == "down"}
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.0f} {height:.0f}' {svg.FONT}>",
        *(_link(link, places, down) for link in state["links"]),
        *(_member(member, places[member["name"]]) for member in state["members"]),
    ]
    return "".join(parts) + "</svg>"


def _places(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The upper left corner of each member's box, the first at the top."""
    across, down = _CIRCLES.get(len(names), _LARGE)
    angles = [2 * pi * number / len(names) - pi / 2 for number in range(len(names))]
    if len(names) == 2:
        angles = [pi, 0.0]
    points = [(across * cos(angle), down * sin(angle)) for angle in angles]
    left, top = min(x for x, _ in points), min(y for _, y in points)
    return {name: (x - left + _MARGIN, y - top + _MARGIN) for name, (x, y) in zip(names, points, strict=True)}


def _link(link: Link, places: dict[str, tuple[float, float]], down: set[str]) -> str:
    (x1, y1), (x2, y2) = ((x + _WIDTH / 2, y + _HEIGHT / 2) for x, y in (places[link["one"]], places[link["other"]]))
    if link["one"] in down or link["other"] in down:
        return _line(x1, y1, x2, y2, "#d0d7de", "1.5", "2 5")
    if not link["cut"]:
        return _line(x1, y1, x2, y2, "#1a7f37", "2.5", "")
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    cross = f"M{x - 9:.0f} {y - 9:.0f}L{x + 9:.0f} {y + 9:.0f}M{x + 9:.0f} {y - 9:.0f}L{x - 9:.0f} {y + 9:.0f}"
    return (
        _line(x1, y1, x2, y2, "#cf222e", "2", "7 6")
        + f"<circle cx='{x:.0f}' cy='{y:.0f}' r='15' fill='#ffffff'/>"
        + f"<path d='{cross}' stroke='#cf222e' stroke-width='3.5' stroke-linecap='round'/>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: str, dashes: str) -> str:
    dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
    return (
        f"<path d='M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}' stroke='{colour}' stroke-width='{width}' fill='none'{dashed}/>"
    )


def _member(member: MemberState, place: tuple[float, float]) -> str:
    x, y = place
    tone = _tone(member)
    fill, border = svg.COLOURS[tone]
    follows = f", follows {member['leader']}" if member["leader"] not in ("", member["name"]) else ""
    alone = "" if member["quorum"] or tone == "done" else ", no quorum"
    parts = [
        f"<rect x='{x:.0f}' y='{y:.0f}' width='{_WIDTH:.0f}' height='{_HEIGHT:.0f}' rx='8' fill='{fill}' "
        f"stroke='{border}' stroke-width='{2.5 if member['role'] == 'leader' else 1.5}'/>",
        _text(x + 12, y + 23, f"{member['name']} · {member['role']}", border, 14, bold=True),
        _text(x + 12, y + 43, f"term {member['term']}{follows}{alone}", "#1f2328", 12.5),
        _text(x + 12, y + 61, f"committed {member['commit']} of {member['last']}", "#1f2328", 12.5),
        *(_log_entry(entry, x + 12 + number * (_CELL + 3), y + 71) for number, entry in enumerate(member["entries"])),
    ]
    return f"<g>{''.join(parts)}</g>"


def _log_entry(entry: LogEntry, x: float, y: float) -> str:
    """A place of the log: its term inside; solid once committed, dashed before, a bar below once applied."""
    dashed = "" if entry["committed"] else " stroke-dasharray='3 2'"
    colour = "#1a7f37" if entry["committed"] else "#9a6700"
    bar = f"<rect x='{x:.0f}' y='{y + _CELL + 2:.0f}' width='{_CELL:.0f}' height='3' fill='{colour}'/>"
    return (
        f"<g><title>{escape(str(entry['place']))}: {escape(entry['what'])}</title>"
        f"<rect x='{x:.0f}' y='{y:.0f}' width='{_CELL:.0f}' height='{_CELL:.0f}' rx='3' fill='#ffffff' "
        f"stroke='{colour}' stroke-width='1.4'{dashed}/>"
        f"{_text(x + _CELL / 2, y + 17, str(entry['term']), '#1f2328', 12, middle=True)}"
        f"{bar if entry['applied'] else ''}</g>"
    )


def _text(x: float, y: float, words: str, colour: str, size: float, *, bold: bool = False, middle: bool = False) -> str:
    weight = " font-weight='600'" if bold else ""
    anchor = " text-anchor='middle'" if middle else ""
    return f"<text x='{x:.0f}' y='{y:.0f}' font-size='{size}'{weight}{anchor} fill='{colour}'>{escape(words)}</text>"
