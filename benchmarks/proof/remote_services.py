# SPDX-License-Identifier: MIT
"""Remote system calls in services that check their own work meanwhile."""

import contextlib
import hashlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from .remote import natively, span
from .result import NotMeasured, Row

PYTHON = """
import hashlib, queue, subprocess, sys, threading, time
end = time.monotonic() + float(sys.argv[1])
work, done = queue.Queue(), queue.Queue()
def serve():
    while True:
        n = work.get()
        done.put((n, hashlib.sha256(str(n).encode() * 100).hexdigest()))
for _ in range(4):
    threading.Thread(target=serve, daemon=True).start()
turn = 0
while time.monotonic() < end:
    turn += 1
    for n in range(50):
        work.put(turn * 50 + n)
    for _ in range(50):
        n, digest = done.get()
        assert digest == hashlib.sha256(str(n).encode() * 100).hexdigest()
    before = time.monotonic()
    time.sleep(0.005)
    assert time.monotonic() - before >= 0.005
    if turn % 50 == 0:
        assert subprocess.run(["/bin/echo", str(turn)], capture_output=True, check=True).stdout == b"%d\\n" % turn
print("right", turn)
"""

NODE = """
const crypto = require('crypto'), fs = require('fs').promises, { execFile } = require('child_process');
const { promisify } = require('util');
const zlib = require('zlib'), assert = require('assert');
const end = Date.now() + 1000 * Number(process.argv[1]), file = process.argv[2];
(async () => {
  let turn = 0;
  while (Date.now() < end) {
    turn++;
    const data = Buffer.alloc(100000, String(turn));
    await fs.writeFile(file, data);
    assert.ok(data.equals(await fs.readFile(file)));
    const packed = await promisify(zlib.gzip)(data);
    assert.ok(data.equals(await promisify(zlib.gunzip)(packed)));
    const key = await promisify(crypto.pbkdf2)('word', 'salt', 1000, 32, 'sha256');
    assert.strictEqual(key.toString('hex'), crypto.pbkdf2Sync('word', 'salt', 1000, 32, 'sha256').toString('hex'));
    await new Promise(done => setTimeout(done, 5));
    if (turn % 20 == 0)
      assert.strictEqual((await promisify(execFile)('/bin/echo', [String(turn)])).stdout, turn + '\\n');
  }
  console.log('right', turn);
})().catch(error => { console.error(error); process.exit(1); });
"""

JAVA = """
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
public class Work {
    static String text;  // null at first: what is read through it faults, and the virtual machine catches that
    public static void main(String[] words) throws Exception {
        long end = System.nanoTime() + Long.parseLong(words[0]) * 1_000_000_000L;
        ExecutorService pool = Executors.newFixedThreadPool(8);
        long turn = 0;
        while (System.nanoTime() < end) {
            turn++;
            ConcurrentHashMap<Integer, byte[]> map = new ConcurrentHashMap<>();
            AtomicLong sum = new AtomicLong();
            CountDownLatch all = new CountDownLatch(64);
            for (int i = 0; i < 64; i++) {
                final int n = i;
                pool.submit(() -> {
                    for (int k = 0; k < 200; k++) map.put(n * 200 + k, new byte[256]);
                    for (int k = 0; k < 200; k++) sum.addAndGet(map.remove(n * 200 + k).length);
                    all.countDown();
                });
            }
            all.await();
            if (sum.get() != 64L * 200 * 256 || !map.isEmpty()) throw new IllegalStateException("sum " + sum);
            try {
                text.length();
                throw new IllegalStateException("no fault");
            } catch (NullPointerException expected) {
            }
            long before = System.nanoTime();
            Thread.sleep(5);
            if (System.nanoTime() - before < 5_000_000L) throw new IllegalStateException("woken early");
            if (turn % 100 == 0) System.gc();
        }
        pool.shutdown();
        System.out.println("right " + turn);
    }
}
"""


class Service:
    """A running program whose work is checked; `finish()` says whether all of it was right."""

    def __init__(self, command, folder, **more):
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        **more)

    def finish(self):
        said, complaint = self.process.communicate(timeout=120)
        if self.process.returncode == 0 and said.startswith("right"):
            return None
        return f"exit status {self.process.returncode}: {(complaint or said).strip()[-200:]}"


class Driven:
    """A program that is asked for things by a thread of ours, which compares the answers."""

    def __init__(self, process, ask, seconds):
        self.process, self.wrong = process, None
        self.thread = threading.Thread(target=self._drive, args=(ask, time.monotonic() + seconds))
        self.thread.start()

    def _drive(self, ask, end):
        turn = 0
        try:
            while time.monotonic() < end:
                turn += 1
                ask(turn)
        except (AssertionError, OSError, ValueError) as error:
            self.wrong = f"in turn {turn}: {error!r}"

    def finish(self):
        self.thread.join()
        self.process.terminate()
        self.process.wait(60)
        return self.wrong


def sqlite(folder, seconds):
    """Transactions by statements one after the other; the sum is known."""
    process = subprocess.Popen(["stdbuf", "-oL", "sqlite3", folder / "data.db"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, bufsize=1)

    def asked(statement):
        process.stdin.write(statement + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    process.stdin.write("CREATE TABLE t(n INTEGER PRIMARY KEY, x INTEGER);\n")

    def ask(turn):
        process.stdin.write("BEGIN; WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<200) "
                            "INSERT INTO t(x) SELECT i FROM c; COMMIT;\n")
        found = asked("SELECT count(*) || ' ' || sum(x) FROM t;")
        assert found == f"{turn * 200} {turn * 20100}", found
        if turn % 100 == 0:
            assert asked("PRAGMA integrity_check;") == "ok"

    return Driven(process, ask, seconds)


class RedisLine:
    """A connection, with no more of the protocol than is needed."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        message = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            message += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(message)
        head = self.file.readline().rstrip()
        if head[:1] == b"$":
            return self.file.read(int(head[1:]) + 2)[:-2] if head != b"$-1" else None
        return head


def redis(folder, seconds):
    """Values that follow from their keys; now and then it saves, in a fork of its own."""
    path = folder / "redis.sock"
    process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder],
                               stdout=subprocess.DEVNULL)
    line = None
    end = time.monotonic() + 30
    while line is None:
        try:
            line = RedisLine(path)
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise NotMeasured("redis-server does not answer") from None
            time.sleep(0.05)

    def value(turn):
        return hashlib.sha256(str(turn).encode()).hexdigest().encode() * 8

    def ask(turn):
        assert line.ask("SET", f"key:{turn % 5000}", value(turn)) == b"+OK"
        assert line.ask("GET", f"key:{turn % 5000}") == value(turn)
        assert line.ask("INCR", "turns") == b":%d" % turn
        if turn % 5000 == 0:
            answer = line.ask("BGSAVE")
            assert answer.startswith((b"+Background", b"-ERR Background save already")), answer

    return Driven(process, ask, seconds)


def python(folder, seconds):
    return Service([sys.executable, "-c", PYTHON, str(seconds)], folder)


def node(folder, seconds):
    return Service(["node", "-e", NODE, str(seconds), str(folder / "file")], folder)


def java(folder, seconds):
    (folder / "Work.java").write_text(JAVA, encoding="utf-8")
    return Service(["java", "-Xmx256m", "Work.java", str(seconds)], folder)


SERVICES = (("python3", "python3", python), ("node", "node", node), ("redis-server", "redis-server", redis),
            ("sqlite3", "sqlite3", sqlite), ("java", "java", java))


def one(laboratory, options, name, start):
    """(what went wrong or None, the figures) of one service."""
    with tempfile.TemporaryDirectory(prefix="damon-schemes-service-") as text:
        # It ends its work a little later than the calls end, so that they fall on all of it.
        service = start(Path(text), options.seconds + 3)
        try:
            time.sleep(1)
            _, figures = natively(laboratory, "process", f"4-{name}.log", service.process.pid, options.seconds)
            return service.finish(), figures
        finally:
            with contextlib.suppress(OSError):
                service.process.kill()


def services(laboratory, options, result):
    """Point 4: each does its own work, and looks whether it comes out right."""
    laboratory.build("remote_torment", "damon_schemes_remote")
    for name, program, start in SERVICES:
        try:
            if not shutil.which(program):
                raise NotMeasured(f"there is no {program} here")
            wrong, figures = one(laboratory, options, name, start)
        except (NotMeasured, subprocess.TimeoutExpired) as error:
            laboratory.say(f"    not measured: {error}")
            result.rows.append(Row.missing(name, str(error)))
            continue
        refused = ", ".join(f"{count} {reason}" for reason, count in figures["refusals"].items())
        result.add(f"{name}: its work over {figures['calls']:,} calls in {options.seconds} s", wrong or "right", "right",
                   wrong is None and figures["calls"] > 0, command=f"remote_torment process … {options.seconds}")
        result.say("", f"{name}: a stop took {span(figures['stop_ns'])} (median / p99 / longest)"
                   + (f"; refused: {refused}." if refused else "."))
