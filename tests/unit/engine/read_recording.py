#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second reader of recordings, made from docs/recording-format.md alone.

Prints a JSON object a line: the description first, then each event, and at last
{"end": true} where the recording is whole. Text is given as hexadecimal bytes,
since names need not be UTF-8. Needs nothing but libzstd.
"""

import ctypes
import json
import struct
import sys

KINDS = ("anonymous", "heap", "stack", "file", "shared", "special")
TLB = ("auto", "none", "page", "full")


class Damaged(Exception):
    pass


class Bytes:
    """Bytes that are taken from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        if size > self.left():
            raise Damaged("cut off")
        self.at += size
        return self.data[self.at - size : self.at]

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def number(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self):
        value = self.number()
        return value >> 1 if value % 2 == 0 else -(value + 1 >> 1)

    def text(self):
        return self.take(self.number()).hex()

    def numbers(self, count):
        return [self.number() for _ in range(count)]


def zstd():
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
    library.ZSTD_findFrameCompressedSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    library.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    library.ZSTD_getFrameContentSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
    ]
    library.ZSTD_isError.argtypes = [ctypes.c_size_t]
    return library


def frames(data):
    """The content of each frame."""
    library = zstd()
    while data:
        size = library.ZSTD_findFrameCompressedSize(data, len(data))
        if library.ZSTD_isError(size):
            raise Damaged("a frame is cut off")
        room = library.ZSTD_getFrameContentSize(data, size)
        content = ctypes.create_string_buffer(room)
        if library.ZSTD_decompress(content, room, data, size) != room:
            raise Damaged("a frame is damaged")
        yield content.raw
        data = data[size:]


def info_of(record):
    flags = record.number()
    info = {"attributes_known": bool(flags & 1)}
    for key in ("sampling_ns", "aggregation_ns", "update_ns"):
        info[key] = record.signed()
    for key in ("min_regions", "max_regions", "min_region_size"):
        info[key] = record.number()
    info["tlb"] = TLB[record.number()]
    info["search"] = bool(flags & 4)
    info["started_ns"] = record.signed() if flags & 2 else None
    info["origin"] = record.text()
    info["schemes"] = [
        {"action": bytes.fromhex(record.text()).decode(), "name": record.text()}
        for _ in range(record.number())
    ]
    return {"info": info}


def target_of(record):
    target = {"id": record.number(), "pid": record.signed(), "generation": record.number(),
              "name": record.text(), "mappings": []}
    reached = 0
    for _ in range(record.number()):
        start = reached + record.number()
        reached = start + record.number()
        kind = KINDS[record.number()]
        target["mappings"].append([start, reached, kind, record.text()])
    return {"target": target}


def regions_of(record, with_hits):
    count = record.number()
    if count == 0:
        return []
    shift = record.number()
    gaps, sizes, sampled, accessed, absent, ages = (record.numbers(count) for _ in range(6))
    hits = record.numbers(count) if with_hits else [0] * count
    regions, reached = [], 0
    for i in range(count):
        start = reached + (gaps[i] << shift)
        reached = start + (sizes[i] << shift)
        regions.append([start, reached, sampled[i], accessed[i], absent[i], ages[i],
                        bool(hits[i])])
    return regions


def snapshot_of(record):
    snapshot = {"sequence": record.number(), "lost": record.number()}
    for key in ("time_ns", "duration_ns", "sampling_ns", "aggregation_ns"):
        snapshot[key] = record.signed()
    snapshot["passes"] = record.number()
    snapshot["targets"] = []
    for _ in range(record.number()):
        target = {"id": record.number(), "pid": record.signed(), "generation": record.number()}
        flags = record.number()
        for bit, key in enumerate(("exited", "unseen_accesses", "denied")):
            target[key] = bool(flags >> bit & 1)
        target["regions"] = regions_of(record, flags & 8)
        snapshot["targets"].append(target)
    return {"snapshot": snapshot}


def action_of(record):
    action = {"time_ns": record.signed(), "scheme": record.number(), "target": record.number()}
    action["start"] = record.number()
    action["end"] = action["start"] + record.number()
    action["advised"], action["paged_out"] = record.number(), record.number()
    action["spent_ns"] = record.signed()
    return {"action": action}


def own(data):
    """Our own format."""
    header = Bytes(data)
    if header.unpack("<II") != (0x184D2A5D, 32) or header.take(24) != b"damon-schemes recording\n":
        raise Damaged("no recording")
    if header.unpack("<II") != (1, 0):
        raise Damaged("another version")
    decode = {1: info_of, 2: target_of, 3: snapshot_of, 4: action_of, 5: lambda _: {"end": True}}
    for content in frames(data[header.at :]):
        records = Bytes(content)
        while records.left():
            kind = records.take(1)[0]
            record = Bytes(records.take(records.number()))
            if kind in decode:
                yield decode[kind](record)
                if record.left():
                    raise Damaged("bytes behind a record")


def damon(data, version):
    """DAMON's versions 0, 1 and 2: the counts as they stand there."""
    file = Bytes(data)
    file.take(0 if version == 0 else 20)
    while file.left():
        seconds, nanoseconds, count = file.unpack("=qqI")
        targets = []
        for _ in range(count):
            ident, regions = file.unpack("=iI" if version == 1 else "=QI")
            targets.append({"id": ident,
                            "regions": [list(file.unpack("=QQI")) for _ in range(regions)]})
        yield {"snapshot": {"time_ns": seconds * 10**9 + nanoseconds, "targets": targets}}
    yield {"end": True}


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    if data[:16] == b"damon_recfmt_ver":
        events = damon(data, struct.unpack("=i", data[16:20])[0])
    elif data[:4] == struct.pack("<I", 0x184D2A5D):
        events = own(data)
    else:
        events = damon(data, 0)
    try:
        for event in events:
            print(json.dumps(event))
    except Damaged as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
