"""The page and the picture of the steps, made from their declarations."""

from collections.abc import Iterable, Mapping
from html import escape

from analysis.errors import ParametersError, not_one_of
from analysis.steps.declaration import Read, Step
from analysis.steps.graph import source_of, writers
from analysis.steps.keys import said

PICTURE = "steps.svg"
WIDTH, HEIGHT = 190, 26  # of a box
ACROSS, DOWN = 250, 34  # from one box to the next
COLOURS = ("#cfe3f5", "#fbe3c8", "#d5efd9", "#f6d6d6", "#e4d9f2", "#efe2d8", "#dfeef0")


def room_of(step: Step) -> str:
    """The room a step lies in."""
    return step.module.split(".")[-2]


def done_for(step: Step) -> str:
    """What a step is done for, in words."""
    if step.per == "bank":
        return "the bank"
    if step.latest is None:
        return "every quarter"
    return "the last quarter" if step.latest == 1 else f"the last {step.latest} quarters"


def steps_page(steps: Mapping[str, Step]) -> str:
    """docs/steps.md: a table of the steps by room, and the graph."""
    lines = [
        "# Steps",
        "",
        "Written by `workbook steps --page docs/steps.md`; a test holds it current. Everything",
        "between the accepted rows and the reports is a step: a function and, beside it, what it",
        "writes, what it is done for, what it reads and which settings it uses. A step is done",
        "again when the content of an input, a setting it names, or the code it reaches changed,",
        "and what follows it only when it came out differently. Tables of the contract that name",
        "customers come with the real ones: records that `customer_identity` found to be one",
        "customer bear one `customer_id`, and what is known of it.",
        "",
        f"![Every step and what it reads; the table below says the same]({PICTURE})",
    ]
    for room in dict.fromkeys(room_of(s) for s in steps.values()):
        lines += [
            "",
            f"## {room}",
            "",
            "| step | what it is | done for | reads | settings | writes |",
            "|---|---|---|---|---|---|",
        ]
        for step in (s for s in steps.values() if room_of(s) == room):
            reads = "<br>".join(_read(steps, read) for read in step.reads.values())
            writes = "<br>".join(f"{o.kind} `{o.name}`" for o in step.writes)
            settings = ", ".join(f"`{s}`" for s in step.settings)
            lines.append(
                f"| `{step.name}` | {step.purpose} | {done_for(step)} | {reads} | {settings} "
                f"| {writes} |"
            )
    return "\n".join(lines) + "\n"


def _read(steps: Mapping[str, Step], read: Read) -> str:
    writer = source_of(read, writers(steps.values()))
    of_bank = writer is not None and writer.per == "bank"
    text = f"{read.kind} {read.name}" if of_bank else said(read)
    text = text.replace(read.name, f"`{read.name}`", 1)
    return f"{text}, if there" if read.optional else text


def named(steps: Mapping[str, Step], name: str) -> str:
    """The step of a name, or the one that writes what has it; raises ParametersError."""
    if name in steps:
        return name
    by_name = {output: step.name for (_kind, output), step in writers(steps.values()).items()}
    if name not in by_name:
        raise ParametersError(not_one_of("The step, mart or model", name, {*steps, *by_name}))
    return by_name[name]


def described(steps: Mapping[str, Step], name: str) -> list[str]:
    """Lines on one step: what it is, what leads to it, and what hangs on it."""
    step = steps[name]
    lines = [f"{name}: {step.purpose}", f"Done for {done_for(step)}, in {step.module}."]
    lines += [
        "Reads:",
        *[f"  {_read(steps, read)}".replace("`", "") for read in step.reads.values()],
    ]
    if step.settings:
        lines.append(f"Settings: {', '.join(step.settings)}")
    lines.append(f"Writes: {', '.join(f'{o.kind} {o.name}' for o in step.writes)}")
    lines += ["Leads to it:", *tree(leads_to(steps, name), name, 1)]
    return [*lines, "Hangs on it:", *tree(hangs_on(steps, name), name, 1)]


def leads_to(steps: Mapping[str, Step], name: str) -> dict[str, set[str]]:
    """To a step, and to all that lead to it, the steps that each reads from."""
    return _walk(sources(steps), name)


def hangs_on(steps: Mapping[str, Step], name: str) -> dict[str, set[str]]:
    """To a step, and to all that follow it, the steps that read from each."""
    by_source: dict[str, set[str]] = {n: set() for n in steps}
    for follower, before in sources(steps).items():
        for each in before:
            by_source[each].add(follower)
    return _walk(by_source, name)


def sources(steps: Mapping[str, Step]) -> dict[str, set[str]]:
    """To each step those that it reads from, itself a quarter before left out."""
    by_output = writers(steps.values())
    edges = {}
    for name, step in steps.items():
        written_by = [source_of(read, by_output) for read in step.reads.values()]
        edges[name] = {s.name for s in written_by if s is not None and s.name != name}
    return edges


def _walk(edges: Mapping[str, set[str]], start: str) -> dict[str, set[str]]:
    reached: dict[str, set[str]] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = edges[name]
            waiting += edges[name]
    return reached


def tree(edges: Mapping[str, Iterable[str]], name: str, depth: int = 0) -> list[str]:
    """The steps below one as indented lines, each named in full once."""
    lines: list[str] = []
    seen: set[str] = set()

    def add(step: str, level: int) -> None:
        again = step in seen and bool(edges[step])
        lines.append("  " * level + step + (" …" if again else ""))
        if step not in seen:
            seen.add(step)
            for each in sorted(edges[step]):
                add(each, level + 1)

    add(name, depth)
    return lines


def steps_picture(steps: Mapping[str, Step]) -> str:
    """The graph as SVG: a column for how many steps lie before, a colour for the room."""
    edges = sources(steps)
    depth: dict[str, int] = {}

    def column(name: str) -> int:
        if name not in depth:
            depth[name] = max((column(n) + 1 for n in edges[name]), default=0)
        return depth[name]

    columns: dict[int, list[str]] = {}
    for name in steps:
        columns.setdefault(column(name), []).append(name)
    places = {
        name: (20 + number * ACROSS, 20 + row * DOWN)
        for number, names in columns.items()
        for row, name in enumerate(names)
    }
    rooms = list(dict.fromkeys(room_of(s) for s in steps.values()))
    width = 20 + len(columns) * ACROSS
    height = 60 + max(len(names) for names in columns.values()) * DOWN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The steps and what each reads from" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for name, before in edges.items():
        for source in sorted(before):
            parts.append(_curve(places[source], places[name]))
    for name, (x, y) in places.items():
        colour = COLOURS[rooms.index(room_of(steps[name])) % len(COLOURS)]
        parts.append(
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{colour}"/>'
            f'<text x="{x + 8}" y="{y + 17}">{escape(name)}</text>'
        )
    for number, room in enumerate(rooms):
        x, y = 20 + number * 120, height - 22
        colour = COLOURS[number % len(COLOURS)]
        parts.append(
            f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>'
            f'<text x="{x + 18}" y="{y + 11}">{escape(room)}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT // 2, end[0], end[1] + HEIGHT // 2
    bend = (x2 - x1) // 2
    return (
        f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" '
        'fill="none" stroke="#8a8a8a"/>'
    )
