// SPDX-License-Identifier: MIT
// A large heap of JavaScript's objects, mostly idle: made, its newest 5 % used for a while, then all of it looked at.
'use strict';

const crypto = require('crypto');
const fs = require('fs');

// The same as in service.py.
const RECORDS = { quick: 8000, small: 24000, medium: 96000, native: 800000 };
const HOT_SECONDS = { quick: 3, small: 12, medium: 60, native: 120 };
const VALUE_BYTES = 1024;
const HOT_SHARE = 20;
const BATCH = 64;

class WrongAnswer extends Error {}

class WrongUsage extends Error {}

function parse(words) {
  const options = { size: 'quick', seconds: null, report: null };
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at].replace(/^--/, '');
    if (!words[at].startsWith('--') || !(name in options)) throw new WrongUsage(`there is no option ${words[at]}`);
    if (at + 1 === words.length) throw new WrongUsage(`${words[at]} needs a value`);
    options[name] = words[at + 1];
  }
  if (!(options.size in RECORDS))
    throw new WrongUsage(`--size ${options.size}: choose of ${Object.keys(RECORDS).join(', ')}`);
  options.seconds = options.seconds === null ? HOT_SECONDS[options.size] : Number(options.seconds);
  if (!(options.seconds >= 0)) throw new WrongUsage('--seconds needs a number');
  return options;
}

function valueOf(number) {
  return crypto.createHash('shake128', { outputLength: VALUE_BYTES / 2 }).update(String(number)).digest('hex');
}

// Numbers that repeat from run to run (Marsaglia's xorshift, 32 bits).
class Draw {
  constructor(seed) { this.state = seed; }

  below(limit) {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
}

class Course {
  constructor(size) {
    this.size = size;
    this.began = process.hrtime.bigint();
    this.phases = [];
  }

  seconds() { return Number(process.hrtime.bigint() - this.began) / 1e9; }

  phase(name, work) {
    const begin = this.seconds();
    const operations = work();
    this.phases.push({ name, begin_s: begin, end_s: this.seconds(), operations });
    return operations;
  }

  report(path) {
    fs.writeFileSync(path, JSON.stringify({ schema: 1, program: 'node', size: this.size, checked: true,
      elapsed_s: this.seconds(), phases: this.phases }) + '\n');
  }
}

function fill(heap, records) {
  for (let number = 0; number < records; number++)
    heap.set(`record-${number}`, { number, name: `record-${number}`, text: valueOf(number), uses: 0 });
  return records;
}

function use(heap, number) {
  const record = heap.get(`record-${number}`);
  if (record === undefined || record.text !== valueOf(number)) throw new WrongAnswer(`record ${number} is wrong`);
  record.uses++;
}

function useHot(heap, records, seconds, course) {
  const hot = Math.floor(records / HOT_SHARE);
  const draw = new Draw(1);
  const end = course.seconds() + seconds;
  let operations = 0;
  do {
    for (let turn = 0; turn < BATCH; turn++) use(heap, records - 1 - draw.below(hot));
    operations += BATCH;
  } while (course.seconds() < end);
  return operations;
}

function useAll(heap, records, uses) {
  let counted = 0;
  for (const record of heap.values()) counted += record.uses;
  if (heap.size !== records || counted !== uses)
    throw new WrongAnswer(`${heap.size} records and ${counted} uses, and not ${records} and ${uses}`);
  for (let number = 0; number < records; number++) use(heap, number);
  return records;
}

function main() {
  const options = parse(process.argv.slice(2));
  const records = RECORDS[options.size];
  const course = new Course(options.size);
  const heap = new Map();
  course.phase('fill', () => fill(heap, records));
  const uses = course.phase('hot', () => useHot(heap, records, options.seconds, course));
  course.phase('all', () => useAll(heap, records, uses));
  if (options.report !== null) course.report(options.report);
}

try {
  main();
} catch (error) {
  console.error(`node: ${error.message}`);
  process.exitCode = error instanceof WrongUsage ? 2 : 1;
}
