"""Where the parent of the warm kernels is reached, and what it must have been started from.
Standard library only.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from analysis.language import say
from analysis.workers import temporary_place

MARK = "WORKBOOK_KERNEL"  # names the kernel that a process was started by
SAFE_PATH = "PYTHONSAFEPATH"  # set where modules of the working folder are not to be found
PACKAGE = Path(__file__).parents[2]
LONGEST_SOCKET = 90  # characters; the system allows 107, and kernels add to the name

#: Settings that packages read while they are imported: a kernel that wants others needs another
#: parent.
READ_AT_IMPORT = (
    "PYTHONPATH",
    "PYTHONHASHSEED",
    "MPLCONFIGDIR",
    "MATPLOTLIBRC",
    "LANG",
    "LC_ALL",
    "TZ",
)


def origin(env: "os._Environ[str] | dict[str, str]") -> str:
    """Changes with the package's code, the installed packages, the interpreter and the settings
    read at import.
    """
    files = [
        f for f in sorted(PACKAGE.rglob("*")) if f.suffix != ".pyc" and f.name != "__pycache__"
    ]
    installed = [Path(p) for p in sys.path if p.endswith("-packages") and Path(p).is_dir()]
    digest = hashlib.sha256(f"{sys.executable}\0{sys.version}".encode())
    for path in [*files, *installed]:
        stat = path.stat()
        digest.update(
            f"\0{path}\0{stat.st_mtime_ns}\0{stat.st_size if path.is_file() else 0}".encode()
        )
    for name in READ_AT_IMPORT:
        digest.update(f"\0{env.get(name)}".encode())
    return digest.hexdigest()[:16]


def find_runtime_folder() -> str:
    """See to it that Jupyter has a folder of this user's own for its connection files, in a
    temporary place where the usual one cannot be written; what is to be said of that, if anything.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    usual = Path(jupyter_runtime_dir())
    try:
        usual.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(usual, os.W_OK):
            raise PermissionError(say("{usual} cannot be written").format(usual=usual))
        private_folder()
        return ""
    except OSError as reason:
        try:
            folder = _own(temporary_place())
        except OSError:  # that name is taken by somebody else
            folder = Path(tempfile.mkdtemp(prefix="workbook-"))
        os.environ["JUPYTER_RUNTIME_DIR"] = str(folder)
        os.environ.setdefault("IPYTHONDIR", str(folder / "ipython"))  # lies beside the usual one
        return say(
            "Jupyter's folder {usual} cannot be used ({reason}); {folder} is used instead. Set "
            "HOME or JUPYTER_RUNTIME_DIR to a folder of your own to change that."
        ).format(usual=usual, reason=reason.strerror or reason, folder=folder)


def private_folder() -> Path:
    """A folder of this user's own for sockets, mode 0700; raises OSError where there can be none,
    PermissionError when somebody else made it.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir()) / "workbook"
    return _own(temporary_place() if len(str(folder)) > LONGEST_SOCKET - 24 else folder)


def _own(folder: Path) -> Path:
    """The folder, made where it is not there, of mode 0700; raises PermissionError when somebody
    else made it, and OSError where it cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stat = folder.lstat()
    if stat.st_uid != os.getuid():
        raise PermissionError(
            say("{folder} belongs to somebody else; remove it, or set JUPYTER_RUNTIME_DIR.").format(
                folder=folder
            )
        )
    folder.chmod(0o700)
    if not os.access(folder, os.W_OK):
        raise PermissionError(say("{folder} cannot be written.").format(folder=folder))
    return folder
