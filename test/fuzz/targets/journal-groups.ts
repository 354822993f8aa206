import assert from 'node:assert/strict'
import { GroupEncoder, highestSequence, type JournalEntry, linkGroups, type PlacedGroup, readGroups } from '../../../src/log/journal-format.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { crc32c } from '../../../src/util/crc32c.ts'
import type { Spot, Target } from '../lib/target.ts'

const JOURNAL_ID = Buffer.from('4f1d0b6c2a9e48d38c7b5a6e9d0f1c2b', 'hex')
const HEADER_BYTES = 64
const ENTRY_BYTES = 56
const LENGTH_AT = 32
const ALIGNMENT = 4096

export const journalGroups: Target = {
  name: 'journal-groups',
  about: 'journal files of several groups: what is read is whole, newer than what precedes it, and was written; lengths never lead out of the file',
  variants: 8,
  maxMutations: 4,
  slowMs: 1000,
  minimiseChecks: 500,

  generate(random) {
    const seed = random.below(2 ** 31)
    const { file, groups } = written(seed)
    const spots: Spot[] = groups.flatMap(({ position, entries }) => [
      { at: position + 8, bytes: 8 },
      { at: position + LENGTH_AT, bytes: 4 },
      { at: position + LENGTH_AT + 4, bytes: 4 },
      ...entries.flatMap((_, i) => [16, 20, 24, 32, 40, 48].map((at) => ({ at: position + HEADER_BYTES + i * ENTRY_BYTES + at, bytes: at < 24 ? 4 : 8 }))),
    ])
    return { meta: { seed }, parts: [file], spots: [spots] }
  },

  /** The CRC of every group whose header still says how long it is. */
  repair(_meta, [file]) {
    const bytes = file as Buffer
    for (let at = 0; at + HEADER_BYTES <= bytes.length; at += ALIGNMENT) {
      const length = bytes.readUInt32BE(at + LENGTH_AT)
      if (length >= HEADER_BYTES && at + length <= bytes.length) bytes.writeUInt32BE(crc32c(bytes.subarray(at + 8, at + length)), at + 4)
    }
    return [bytes]
  },

  check(meta, [file], valid) {
    const bytes = file as Buffer
    const groups = readGroups(bytes, JOURNAL_ID)
    const expected = written(meta.seed as number)
    if (valid) {
      assert.deepEqual(groups.map(comparable), expected.groups.map(comparable))
      assert.equal(highestSequence(bytes, JOURNAL_ID), expected.groups.at(-1)?.sequence)
      assert.deepEqual(linkGroups(groups, 0).missing, [])
      assert.deepEqual(
        linkGroups(groups, 0).groups.map(({ sequence }) => sequence),
        groups.map(({ sequence }) => sequence),
      )
    }
    let before = -1
    let total = 0
    for (const group of groups) {
      assert.ok(group.sequence > before, `group ${group.sequence} behind ${before}`)
      before = group.sequence
      for (const entry of group.entries) {
        const held = entry.bytes?.reduce((sum, part) => sum + part.length, 0)
        assert.ok(held === undefined || held === entry.length, `an entry says ${entry.length} bytes and has ${held}`)
        assert.ok(isPlace(entry), `an entry leads to ${entry.segmentBase} ${entry.position} ${entry.length} ${entry.endOffset}`)
        total += held ?? 0
      }
    }
    assert.ok(total <= bytes.length, `entries of ${total} bytes in a file of ${bytes.length}`)
    const highest = highestSequence(bytes, JOURNAL_ID)
    assert.ok(Number.isSafeInteger(highest + 1) && highest >= Math.max(0, before), `the highest sequence is ${highest}`)
    const chain = linkGroups(groups, 0)
    assert.ok(chain.groups.length <= groups.length && chain.missing.length <= groups.length + 1)
    checkNothingHidden(bytes, groups, expected.groups)
  },
}

/** A group whose bytes are as they were written is read, whatever happened to others, unless something as new precedes it or lies upon it. */
function checkNothingHidden(bytes: Buffer, groups: readonly PlacedGroup[], expected: readonly WrittenGroup[]): void {
  const read = new Set(groups.map(({ position }) => position))
  for (const { position, paddedBytes, sequence, whole } of expected) {
    const isWhole = bytes.subarray(position, position + paddedBytes).equals(whole)
    const isHidden = groups.some((group) => group.position < position && (group.sequence >= sequence || group.position + group.paddedBytes > position))
    assert.ok(!isWhole || isHidden || read.has(position), `the whole group ${sequence} at ${position} is not read`)
  }
}

interface WrittenGroup extends PlacedGroup {
  readonly whole: Buffer
}

/** Numbers that a segment can have. */
function isPlace({ segmentBase, position, length, endOffset, partition }: JournalEntry): boolean {
  return [segmentBase, position, length, endOffset, partition].every((number) => Number.isSafeInteger(number) && number >= 0)
}

function written(seed: number): { file: Buffer; groups: WrittenGroup[] } {
  const random = new SeededRandom(seed)
  const encoder = new GroupEncoder(JOURNAL_ID)
  const parts: Buffer[] = []
  const groups: WrittenGroup[] = []
  let position = 0
  let sequence = random.between(2, 1000)
  const freed = sequence - 1
  let previous = freed
  for (let i = random.between(1, 5); i > 0; i--) {
    const entries = Array.from({ length: random.below(4) }, () => randomEntry(random))
    const { buffers, sizeBytes } = encoder.encode({ sequence, previous, freed }, entries)
    const whole = Buffer.concat(buffers)
    parts.push(whole)
    groups.push({ sequence, previous, freed, entries, position, paddedBytes: sizeBytes, whole })
    position += sizeBytes
    previous = sequence
    sequence += random.between(1, 3)
  }
  return { file: Buffer.concat([...parts, Buffer.alloc(random.pick([0, 100, ALIGNMENT]))]), groups }
}

function randomEntry(random: SeededRandom): JournalEntry {
  const bytes = random.chance(0.2)
    ? null
    : Array.from({ length: random.between(1, 3) }, () => Buffer.from(random.bytes(random.chance(0.1) ? 9000 : random.below(400))))
  return {
    topicId: Buffer.from(random.bytes(16)),
    partition: random.below(100),
    segmentBase: random.below(2 ** 40),
    position: random.below(2 ** 31),
    length: bytes === null ? random.below(2 ** 20) : bytes.reduce((sum, part) => sum + part.length, 0),
    endOffset: random.below(2 ** 40),
    bytes,
  }
}

function comparable({ sequence, previous, freed, entries, position }: PlacedGroup): unknown {
  return {
    sequence,
    previous,
    freed,
    position,
    entries: entries.map((entry) => ({ ...entry, topicId: Buffer.from(entry.topicId), bytes: entry.bytes && Buffer.concat(entry.bytes) })),
  }
}
