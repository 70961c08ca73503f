"""Arrow columns made from numbers without a Python loop."""

import numpy as np
import pyarrow as pa


def numbered(
    prefix: str | np.ndarray, numbers: np.ndarray, width: int = 8, valid: np.ndarray | None = None
) -> pa.Array:
    """Identifiers such as A00000042: one prefix letter (a letter, or a code per row) and `width`
    digits.
    """
    n = len(numbers)
    text = np.empty((n, width + 1), dtype=np.uint8)
    text[:, 0] = ord(prefix) if isinstance(prefix, str) else prefix
    rest = np.where(numbers < 0, 0, numbers).astype(np.int64)
    for place in range(width, 0, -1):
        text[:, place] = 48 + rest % 10
        rest //= 10
    offsets = pa.array(np.arange(n + 1, dtype=np.int64) * (width + 1), pa.int64())
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(
        pa.large_string(), n, [mask, offsets.buffers()[1], pa.py_buffer(text.tobytes())]
    ).cast(pa.string())


def coded(codes: np.ndarray, names: tuple[str, ...], none: int | None = None) -> pa.Array:
    """Names by their code, as a dictionary column; the code `none` is null."""
    mask = None if none is None else codes == none
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int16(), mask=mask), pa.array(names, pa.string())
    )


def amounts(cents: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    """Decimal amounts from whole cents."""
    words = np.empty((len(cents), 2), dtype=np.int64)
    words[:, 0], words[:, 1] = cents, cents >> 63
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(
        pa.decimal128(18, 2), len(cents), [mask, pa.py_buffer(words.tobytes())]
    )


def days(values: np.ndarray) -> pa.Array:
    """Dates from datetime64[D]; not-a-time is null."""
    return pa.array(values.astype("datetime64[D]"))
