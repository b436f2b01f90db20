# SPDX-License-Identifier: MIT
"""Boots a guest in QEMU, and judges how it ended."""

import ctypes
import fcntl
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import time
import tty
from dataclasses import dataclass, field
from pathlib import Path

from . import LabError
from .cache import cache_folder, digest, write_whole
from .guest import Guest, initramfs
from .kernel_log import OUT_OF_TREE, TEST, UNSIGNED, bad_taint, complaints

QEMU = "qemu-system-x86_64"
PR_SET_PDEATHSIG = 1
KVM_TRIAL_SECONDS = 15
TAIL_LINES = 60
BOOTS = 2
LAST_WORDS_SECONDS = 10


@dataclass
class Machine:
    """The virtual hardware."""

    memory: str = "1G"
    cpus: int = 2
    accel: str = "tcg"  # or kvm
    cpu: str = "max"
    icount: int | None = None  # time counts instructions, each of 2 to the power of this ns; one processor
    append: str = ""  # to the kernel's command line
    timeout: float = 600
    # For the kernel to start its first process, which takes seconds.  A guest that hangs before that has run nothing of
    # ours: it is started again.
    boot_timeout: float = 180
    out_bytes: int = 1 << 30
    disk: Path | None = None  # an image of a whole system, which the guest boots; it is changed


@dataclass
class Ending:
    """How a guest ended."""

    status: int | None = None  # the command's, None: it never ended
    faults: list = field(default_factory=list)  # why the run does not count
    console: str = ""
    uptime: str = ""
    hung_in_boot: bool = False  # the kernel never started its first process


def _die_with_parent():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _arguments(machine, kernel, initrd, scratch, control):
    accel = {"kvm": ["-accel", "kvm"], "tcg": ["-accel", "tcg,thread=multi"]}[machine.accel]
    cpus = machine.cpus
    if machine.icount is not None:
        accel = ["-accel", "tcg,thread=single", "-icount", f"shift={machine.icount}"]
        cpus = 1
    # tsc=reliable: reading the clock costs 50 ns instead of 800 under emulation.
    # An NMI, which a guest gets that does not end in time, has it tell what its processors are at.
    command_line = ("console=ttyS0 quiet panic=-1 oops=panic tsc=reliable log_buf_len=4M "
                    f"unknown_nmi_panic panic_print=0x40 {machine.append}")
    arguments = [
        QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", *accel,
        "-cpu", machine.cpu, "-smp", str(cpus), "-m", machine.memory,
        "-kernel", str(kernel.image), "-initrd", str(initrd), "-append", command_line.strip(),
        "-chardev", f"file,id=console,path={scratch}/console", "-serial", "chardev:console",
        "-chardev", "stdio,id=output,signal=off", "-serial", "chardev:output",
        "-chardev", f"file,id=control,path=/proc/self/fd/{control}", "-serial", "chardev:control",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
        "-qmp", f"unix:{scratch}/qmp,server=on,wait=off",
    ]
    if (scratch / "out").exists():
        arguments += ["-drive", f"file={scratch}/out,format=raw,if=none,id=out,cache=unsafe",
                      "-device", "virtio-blk-pci,drive=out"]
    if machine.disk:
        arguments += ["-drive", f"file={machine.disk},format=raw,if=none,id=disk,cache=unsafe",
                      "-device", "virtio-blk-pci,drive=disk"]
    return arguments


def _make_raw(descriptor):
    """Puts a terminal into raw mode; returns how it was."""
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    return before


class _Relay:
    """Carries bytes between the guest, this terminal and ourselves."""

    QUIT = b"\x1d"  # ^]

    def __init__(self, qemu, control, output, use_input, deadline):
        self.qemu, self.output, self.deadline = qemu, output, deadline
        self.use_input = use_input
        self.control = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(qemu.stdout, selectors.EVENT_READ, self._guest_said)
        self.selector.register(control, selectors.EVENT_READ, self._control_said)
        self.open = 2
        self.from_terminal = use_input and os.isatty(0)

    def _guest_said(self, source):
        data = os.read(source.fileno(), 65536)
        if not data:
            return self._closed(source)
        self.output.write(data)
        self.output.flush()
        return None

    def _control_said(self, source):
        data = os.read(source.fileno(), 65536)
        if not data:
            return self._closed(source)
        before = b"\nready " in b"\n" + self.control
        self.control += data
        if self.use_input and not before and b"\nready " in b"\n" + self.control:
            self.selector.register(sys.stdin, selectors.EVENT_READ, self._person_said)
        return None

    def _person_said(self, source):
        data = os.read(source.fileno(), 1024)
        if self.from_terminal and self.QUIT in data:
            raise KeyboardInterrupt
        if not data:
            self.selector.unregister(source)
            data = b"\x04"  # the guest's terminal takes it for the end
        try:
            self.qemu.stdin.write(data)
            self.qemu.stdin.flush()
        except BrokenPipeError:
            pass

    def _closed(self, source):
        self.selector.unregister(source)
        self.open -= 1

    @property
    def booted(self):
        """Whether the guest's first process has started."""
        return bool(self.control)

    def run(self, kernel_starts_by):
        """Until QEMU has closed its ends; False: the time was over before."""
        while self.open:
            deadline = self.deadline if self.booted else min(self.deadline, kernel_starts_by)
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self.selector.select(min(left, 3600)):
                key.data(key.fileobj)
        return True


def _ask_where_it_hangs(qemu, scratch):
    """Has the guest's kernel write to its log what it is at, and end."""
    try:
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.settimeout(LAST_WORDS_SECONDS)
            qmp.connect(f"{scratch}/qmp")
            for command in ("qmp_capabilities", "inject-nmi"):
                qmp.recv(65536)
                qmp.sendall(json.dumps({"execute": command}).encode())
            qmp.recv(65536)
        qemu.wait(LAST_WORDS_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        pass  # then it says nothing more


def _end(qemu):
    if qemu.poll() is None:
        qemu.kill()
    qemu.wait()


def _unpack_out(image, folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(image, "r:") as archive:
            archive.extractall(folder, filter="data")
    except TypeError:  # a Python without extraction filters
        with tarfile.open(image, "r:") as archive:
            archive.extractall(folder)
    except tarfile.TarError as error:
        return f"the guest's files came back broken: {error}"
    return None


def _judge(ending, returned, control, kernel, machine, in_time):
    """Fills in what the ending means, from QEMU's status and both logs."""
    told = {}
    for line in control.decode(errors="replace").splitlines():
        word, _, rest = line.strip().partition(" ")
        told[word] = rest
    ending.uptime = told.get("ready", "")
    allowed = OUT_OF_TREE | UNSIGNED | (TEST if kernel.name == "debug" else 0)
    if "broken" in told:
        ending.faults.append(told["broken"])
    if not in_time:
        ending.hung_in_boot = not told
        if ending.hung_in_boot:
            where = "the kernel had not started its first process"
        else:
            where = "the command was still running" if "ready" in told else "it had not finished booting"
        limit = min(machine.timeout, machine.boot_timeout) if ending.hung_in_boot else machine.timeout
        ending.faults.append(f"time-out: {where} after {limit:g} s")
    elif returned % 2 == 0 or "exit" not in told:
        ending.faults.append(
            f"the guest ended without a verdict (QEMU's exit status {returned}): "
            "it crashed, rebooted or was powered off"
        )
    else:
        ending.status = int(told["exit"])
        if min(ending.status, 127) != returned >> 1:
            ending.faults.append(f"the guest's verdicts differ: {ending.status} and {returned >> 1}")
    ending.faults += complaints(ending.console)
    if taint := bad_taint(int(told.get("taint") or 0), allowed):
        ending.faults.append(f"the kernel is tainted: {taint}")


SCRATCH = "damon-schemes-vm-"


def _scratch():
    """A temporary folder that goes with us.

    One whose process was killed stays behind; the next run removes it.
    """
    for old in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        owner = old.name.removeprefix(SCRATCH).split("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(old, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-")


def boot(machine, kernel, guest, **how):
    """Runs GUEST to its end; one whose kernel hung before it did anything is started once more.

    HOW: output, the binary file for what it says; use_input; out, the folder for its files.
    """
    for left in reversed(range(BOOTS)):
        ending = _boot_once(machine, kernel, guest, **how)
        if not ending.hung_in_boot or not left or machine.timeout <= machine.boot_timeout:
            break
        print(f"lab: {ending.faults[0]}; starting the machine again. Its log ended:\n{tail(ending.console)}",
              file=sys.stderr, flush=True)
    return ending


def _boot_once(machine, kernel, guest, *, output, use_input=False, out=None):
    if not shutil.which(QEMU):
        raise LabError(f"no {QEMU} here: install the packages qemu-system-x86 and seabios")
    raw_from = None
    qemu = None
    with _scratch() as name:
        scratch = Path(name)
        if out is not None:
            guest.settings["OUT"] = 1
            with open(scratch / "out", "wb") as image:
                image.truncate(machine.out_bytes)
        initrd = scratch / "initramfs"
        initrd.write_bytes(initramfs(kernel, guest))
        control, control_in = os.pipe()
        ending = Ending()
        try:
            qemu = subprocess.Popen(
                _arguments(machine, kernel, initrd, scratch, control_in),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(scratch / "qemu", "wb"),
                pass_fds=(control_in,), preexec_fn=_die_with_parent, start_new_session=True,
            )
            os.close(control_in)
            if use_input and os.isatty(0):
                raw_from = _make_raw(0)
            relay = _Relay(qemu, os.fdopen(control, "rb", buffering=0), output, use_input,
                           time.monotonic() + machine.timeout)
            in_time = relay.run(time.monotonic() + machine.boot_timeout)
            if in_time:
                qemu.wait()
            else:
                _ask_where_it_hangs(qemu, scratch)
        finally:
            if raw_from is not None:
                termios.tcsetattr(0, termios.TCSADRAIN, raw_from)
            if qemu is not None:
                _end(qemu)
        if (scratch / "console").exists():
            ending.console = (scratch / "console").read_text(encoding="utf-8", errors="replace")
        _judge(ending, qemu.returncode, relay.control, kernel, machine, in_time)
        own_words = (scratch / "qemu").read_text(encoding="utf-8", errors="replace").strip()
        if ending.status is None and own_words:
            ending.faults.append(f"QEMU: {own_words}")
        if out is not None and ending.status is not None:
            if broken := _unpack_out(scratch / "out", out):
                ending.faults.append(broken)
    return ending


def choose_accel(kernel):
    """'kvm' where it really boots a guest, else 'tcg'; tried once, then kept.

    A /dev/kvm may exist and yet hang or abort: only a boot tells.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    version = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=False).stdout
    kept = cache_folder() / f"accel-{digest(os.uname().release, os.uname().nodename, version)}"
    if kept.exists():
        return kept.read_text(encoding="utf-8").strip()
    print(f"lab: trying whether KVM boots a guest here (some seconds, once)",
          file=sys.stderr, flush=True)
    trial = Machine(accel="kvm", cpu="host", memory="512M", timeout=KVM_TRIAL_SECONDS)
    with open(os.devnull, "wb") as nowhere:
        ending = boot(trial, kernel, Guest(["true"]), output=nowhere)
    accel = "kvm" if ending.status == 0 and not ending.faults else "tcg"
    print(f"lab: using {accel}" + ("" if accel == "kvm" else f" ({ending.faults[0]})"),
          file=sys.stderr, flush=True)
    write_whole(kept, accel)
    return accel


def terminal_size():
    """(rows, columns) of the terminal that we write to."""
    try:
        answer = fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8)
        rows, columns = struct.unpack("HHHH", answer)[:2]
        return rows or 24, columns or 80
    except OSError:
        return 24, 80


def tail(text, lines=TAIL_LINES):
    """The last lines of a log."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
