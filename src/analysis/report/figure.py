"""A finished chart as one SVG: text kept as text, ids of its own, a text alternative, the same
bytes every time.
"""

import html
import io
import re
import textwrap
import warnings
from collections import Counter
from typing import Any
from unicodedata import east_asian_width

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib import font_manager
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.category import StrCategoryFormatter
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import EngFormatter, FixedFormatter, Formatter, FuncFormatter
from matplotlib.transforms import Bbox

from analysis.language import amount, in_use
from analysis.storage import text_fingerprint

#: Colour-blind safe (Okabe and Ito 2008, as in seaborn).
PALETTE = "colorblind"
TAG = re.compile(r"(<[^<>]*>)")
STYLE = re.compile(r' style="([^"]*)"')
REFERENCE = re.compile(r'(?:href="#|url\(#)([^")]+)')
POINTS = 72  # of an SVG, to the inch
MARGIN = 0.1  # around a chart, in inches
LONGEST_LABEL, LONGEST_TITLE = 60, 110  # letters
FONTS = ["DejaVu Sans", "Noto Sans CJK SC", "sans-serif"]
#: Fonts with Chinese letters; where several are there, texts are measured in the first.
CHINESE_FONTS = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei"]
#: Colours that follow the reader's setting: in a chart they are the page's own, light or dark.
INK, LINE, BACK = "#1b1f24", "#d0d7de", "#fefefe"
FOLLOW = {
    "#000000": f"var(--ink,{INK})",
    INK: f"var(--ink,{INK})",
    LINE: f"var(--line,{LINE})",
    BACK: "var(--back,#fff)",
}


#: What is drawn in the colour of text.
INKED = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")


def style() -> None:
    """How every chart looks; called once when a report is opened, in its language."""
    sns.set_theme(
        style="whitegrid",
        palette=PALETTE,
        rc={
            "font.sans-serif": fonts(),
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titley": 1.0,  # above the axes; finding out where costs a third of a chart
            "svg.fonttype": "none",
            "figure.dpi": 96,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "legend.facecolor": BACK,
            "legend.edgecolor": LINE,
            "axes.edgecolor": LINE,
            "grid.color": LINE,
            **dict.fromkeys(INKED, INK),
        },
    )


def fonts() -> list[str]:
    """The fonts of a chart: those that its texts are measured in come first, so that nothing lies
    on anything else where the browser draws them.
    """
    if in_use() != "zh":
        return FONTS
    known = set(font_manager.get_font_names())
    there = sorted(CHINESE_FONTS, key=lambda name: name not in known)
    return [*there, *FONTS]


def amount_ticks() -> Formatter:
    """Ticks of amounts: 10,000; 1 万."""
    return FuncFormatter(
        lambda value, _at: re.sub(r"\.?0+(?=\N{NO-BREAK SPACE})", "", amount(value, digits=4))
    )


def short_amounts() -> Formatter:
    """Ticks of amounts where there is little room: 10k; 1 万."""
    return amount_ticks() if in_use() == "zh" else EngFormatter(sep="")


def wrapped(title: str, letters: int = 84) -> str:
    """A long title on several lines, so that it does not make the chart wider; Chinese letters are
    two Latin ones wide.
    """
    wide = sum(east_asian_width(letter) in "WF" for letter in title)
    return textwrap.fill(title, letters - letters * wide // (2 * max(len(title), 1)))


class Figure:
    """A chart as the reader sees it; `text` says in words what it shows."""

    def __init__(self, drawing: Drawing, text: str) -> None:
        self.text = text
        self.svg = _svg(drawing, text)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": f"Figure: {self.text}"}


class _Short(Formatter):
    """What another formatter says, cut off where it is long."""

    def __init__(self, inner: Formatter) -> None:
        self.inner = inner

    def __call__(self, value: float, pos: int | None = None) -> str:
        return _shortened(self.inner(value, pos))

    def format_ticks(self, values: Any) -> list[str]:
        """The texts of all ticks."""
        return [_shortened(text) for text in self.inner.format_ticks(values)]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def _with_short_texts(drawing: Drawing) -> None:
    """Cut off names that would leave no room for the chart, and break long titles."""
    for axes in drawing.axes:
        for axis in (axes.xaxis, axes.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, FixedFormatter | StrCategoryFormatter):
                axis.set_major_formatter(_Short(formatter))
        for text in axes.texts:
            text.set_text(_shortened(text.get_text()))
        if len(axes.get_title()) > LONGEST_TITLE:
            axes.set_title(wrapped(axes.get_title()))


def _svg(drawing: Drawing, text: str) -> str:
    _with_short_texts(drawing)
    salt = text_fingerprint(text)[:8]
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}), warnings.catch_warnings():
        # the browser draws the text with its own fonts; a glyph missing here costs only an exact
        # width
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        drawing.savefig(
            out,
            format="svg",
            bbox_inches=_extent(drawing),
            metadata={"Date": None, "Creator": None},
        )
    plt.close(drawing)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = _lean(svg, f"f{salt}-")
    names = html.escape(", ".join(f"'{f}'" if " " in f else f for f in fonts()), quote=False)
    return svg.replace(
        "<svg ", f'<svg font-family="{names}" role="img" aria-label="{html.escape(text)}" ', 1
    )


def _extent(drawing: Drawing) -> Bbox:
    """What is kept of the drawing, in inches: all that is on it, and a margin.

    `bbox_inches="tight"` gives the same, and draws the whole chart once more to find it out.
    """
    drawing.dpi = POINTS  # so that a text is as wide as it will be in the file
    if layout := drawing.get_layout_engine():
        layout.execute(drawing)
        drawing.set_layout_engine("none")
    width, height = drawing.get_size_inches() * POINTS
    return drawing.get_tightbbox(RendererSVG(width, height, io.StringIO())).padded(MARGIN)


def _lean(svg: str, prefix: str) -> str:
    """The same picture in fewer bytes, with ids and classes of its own. Only tags are changed,
    never text, which may be anything.

    Left out are ids that nothing refers to, the family of fonts on every text, turns by nothing,
    and what is finer than a tenth of a point; what many shapes have in common (style and clip path)
    is said once, as a class.
    """
    referred = dict.fromkeys(name for tag in TAG.findall(svg) for name in REFERENCE.findall(tag))
    used = {name: f"{prefix}{i}" for i, name in enumerate(referred)}
    tags = [
        _lean_tag(t, used) if i % 2 else "" if t.isspace() else t
        for i, t in enumerate(TAG.split(svg))
    ]
    counts = Counter(m[1] for t in tags[1::2] if (m := STYLE.search(t)))
    names = {text: f"{prefix}c{i}" for i, text in enumerate(t for t, n in counts.items() if n > 2)}
    tags[1::2] = [
        STYLE.sub(lambda m: f' class="{names[m[1]]}"' if m[1] in names else m[0], t)
        for t in tags[1::2]
    ]
    rules = "".join(f".{name}{{{text}}}" for text, name in names.items())
    return "".join(tags).replace("</style>", f"{rules}</style>", 1)


def _lean_tag(tag: str, used: dict[str, str]) -> str:
    tag = re.sub(r"\s*\n\s*", " ", tag).replace(' "', '"')
    tag = re.sub(r' id="([^"]*)"', lambda m: f' id="{used[m[1]]}"' if m[1] in used else "", tag)
    tag = REFERENCE.sub(lambda m: m[0].replace(m[1], used[m[1]]), tag)
    tag = re.sub(r"font-family: [^;\"]*; ?", "", tag)
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda m: FOLLOW.get(m[0], m[0]), tag)
    tag = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", tag)
    tag = re.sub(
        r' (?:d|x|y|transform)="[^"]*"', lambda m: re.sub(r"(\d+\.\d)\d+", r"\1", m[0]), tag
    )
    return re.sub(
        r'<path([^>]*) clip-path="([^"]*)"([^>]*) style="', r'<path\1\3 style="clip-path: \2; ', tag
    )
