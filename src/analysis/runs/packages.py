"""Versions of the packages that results depend on."""

from functools import cache
from importlib.metadata import version

PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "scikit-learn",
    "statsmodels",
    "seaborn",
    "matplotlib",
    "jinja2",
    "duckdb",
    "ibis-framework",
    "pyarrow",
    "papermill",
    "nbclient",
    "nbconvert",
    "ipykernel",
)


@cache
def versions() -> dict[str, str]:
    """Package to version."""
    return {p: version(p) for p in PACKAGES}
