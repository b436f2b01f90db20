# SPDX-License-Identifier: MIT
"""A folder that looks like a PARSEC 3.0 tree, with a small parsecmgmt that keeps its conventions."""

import io
import tarfile
import tempfile
from pathlib import Path

from fake_machine import program

# As the real one: the run folder is made anew and the input unpacked there, the program is started through the command
# of -s with its output on ours, and we end with 0 whatever the program did; only a program that is missing is an error.
PARSECMGMT = r"""
submit=time set= config=gcc package= threads=1 extension=
while [ $# -gt 0 ]; do
    case $1 in
    -a) action=$2 ;;
    -p) package=$2 ;;
    -c) config=$2 ;;
    -i) set=$2 ;;
    -n) threads=$2 ;;
    -s) submit=$2 ;;
    -x) extension=.$2 ;;
    *) echo "[PARSEC] Error: Unknown argument '$1'"; exit 1 ;;
    esac
    shift 2
done
[ -f "$PARSECDIR/.parsec_uniquefile" ] || { echo "[PARSEC] Error: PARSECDIR points to '$PARSECDIR'"; exit 1; }
[ "$action" = run ] || exit 1
case $package in
parsec.*) above=pkgs ;;
*) above=ext/${package%%.*} ;;
esac
for folder in "$PARSECDIR/$above"/*/"${package#*.}"; do :; done
. "$folder/parsec/$set.runconf"
executable=$folder/inst/$PARSECPLAT.$config$extension/$run_exec
[ -x "$executable" ] || { echo "[PARSEC] Error: Binary '$executable' of package '$package' cannot be found."; exit 1; }
rm -rf "$folder/run"
mkdir -p "$folder/run"
cd "$folder/run" || exit 1
if [ -f "$folder/inputs/input_$set.tar" ]; then tar -xf "$folder/inputs/input_$set.tar"; fi
echo "[PARSEC] [---------- Beginning of output ----------]"
(eval "$submit $executable $run_args" 2>&1) | cat
echo "[PARSEC] [----------    End of output    ----------]"
exit 0
"""


class FakeParsecTree:
    """The tree; what is not installed into it is not there."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="damon-schemes-parsec-")
        self.root = Path(self._folder.name).resolve()
        for name in ("bin", "config", "pkgs/apps", "pkgs/kernels", "ext/splash2x/apps", "ext/splash2x/kernels"):
            (self.root / name).mkdir(parents=True)
        (self.root / ".parsec_uniquefile").touch()
        (self.root / "version").write_text("3.0-fake\n", encoding="utf-8")
        program(self.root / "bin/parsecmgmt", PARSECMGMT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def source(self, folder, executable, arguments="", sets=("test", "native")):
        """A package that is not built."""
        package = self.root / folder
        (package / "parsec").mkdir(parents=True)
        for each in sets:
            (package / f"parsec/{each}.runconf").write_text(
                f"run_exec=bin/{executable}\nrun_args='{arguments}'\n", encoding="utf-8")
        return package

    def build(self, folder, executable, script, installation="amd64-linux.gcc"):
        """Its program."""
        path = self.root / folder / "inst" / installation / "bin"
        path.mkdir(parents=True)
        return program(path / executable, script)

    def bring_input(self, folder, name, content="input"):
        """An archive of inputs with the file 'data' in it."""
        path = self.root / folder / f"inputs/input_{name}.tar"
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo("data")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))

    def complete(self, folder, executable, script="exit 0", arguments="", installation="amd64-linux.gcc"):
        """A package with all that it needs for the set 'test'."""
        self.source(folder, executable, arguments)
        self.build(folder, executable, script, installation)
        self.bring_input(folder, "test")
