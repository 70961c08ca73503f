"""Reports run side by side, so their libraries start no threads of their own."""

import os

#: Thread pools of BLAS, OpenMP and DuckDB, and the thread that Arrow's allocator starts when it is
#: imported.
ONE_THREAD = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    ),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


def pin_threads() -> None:
    """In the environment of this process and of those it starts, unless the user set it
    otherwise.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
