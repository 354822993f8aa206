import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  type BatchRecord,
  batchMaxTimestampMs,
  buildBatch,
  checkBatch,
  patchBatch,
  type RecordInput,
  readBatchHeader,
  readRecords,
  setBatchMaxTimestamp,
  stampLogAppendTime,
} from '../../src/log/record-batch.ts'

const bytes = (text: string) => Buffer.from(text)

test('what is built reads back, whatever the records are', () => {
  const blob = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null })
  const record = fc.record({
    key: blob,
    value: blob,
    timestampMs: fc.integer({ min: 0, max: 2 ** 45 }),
    headers: fc.array(fc.record({ key: fc.string({ maxLength: 20 }), value: blob }), { maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.integer({ min: 0, max: 2 ** 50 }), (inputs, baseOffset) => {
      const batch = buildBatch(inputs, { baseOffset })
      assert.equal(checkBatch(batch), null)
      const records = readRecords(batch) as BatchRecord[]
      assert.deepEqual(
        records.map((read) => ({
          ...read,
          key: plain(read.key),
          value: plain(read.value),
          headers: read.headers.map((h) => ({ ...h, value: plain(h.value) })),
        })),
        inputs.map((input, i) => ({
          ...input,
          offset: baseOffset + i,
          key: plain(input.key),
          value: plain(input.value),
          headers: input.headers.map((h) => ({ ...h, value: plain(h.value) })),
        })),
      )
    }),
  )
})

test('offset and epoch lie outside the CRC', () => {
  const batch = buildBatch([{ key: null, value: bytes('v'), timestampMs: 5 }])
  patchBatch(batch, 2 ** 40 + 3, 7)
  assert.equal(checkBatch(batch), null)
  const header = readBatchHeader(batch)
  assert.equal(header.baseOffset, 2 ** 40 + 3)
  assert.equal(header.leaderEpoch, 7)
})

test('every flipped bit from the CRC on is found, and no cut passes', () => {
  const batch = buildBatch([{ key: bytes('k'), value: bytes('value'), timestampMs: 1_700_000_000_000, headers: [{ key: 'h', value: null }] }])
  for (let bit = 16 * 8; bit < batch.length * 8; bit++) {
    const bad = Uint8Array.from(batch)
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.notEqual(checkBatch(bad), null, `bit ${bit}`)
  }
  for (let length = 0; length < batch.length; length++) assert.equal(checkBatch(batch.subarray(0, length))?.fault, 'truncated')
  assert.equal(checkBatch(Buffer.concat([batch, bytes('x')]))?.fault, 'trailing')
})

test('malformed records are a fault, never an exception or a read beyond the batch', () => {
  const records: RecordInput[] = Array.from({ length: 3 }, (_, i) => ({
    key: bytes(`k${i}`),
    value: bytes('v'),
    timestampMs: i,
    headers: [{ key: 'h', value: bytes('x') }],
  }))
  const batch = buildBatch(records)
  const seed = 20261123
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 57, max: batch.length - 1 }), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 5 }),
      (edits) => {
        const bad = Uint8Array.from(batch)
        for (const [at, value] of edits) bad[at] = value
        const read = readRecords(bad)
        if (!Array.isArray(read)) assert.match(read.fault, /^(record|count)$/)
      },
    ),
    { seed, numRuns: 2000 },
  )
  const huge = Uint8Array.from(batch)
  huge.set([0x7f, 0xff, 0xff, 0xff], 57)
  assert.deepEqual((readRecords(huge) as { fault: string }).fault, 'count')
})

test('LogAppendTime gives every record the batch time and a CRC that holds', () => {
  const batch = buildBatch([
    { key: null, value: bytes('a'), timestampMs: 10 },
    { key: null, value: bytes('b'), timestampMs: 99 },
  ])
  stampLogAppendTime(batch, 1234)
  assert.equal(checkBatch(batch), null)
  assert.deepEqual(
    (readRecords(batch) as BatchRecord[]).map((record) => record.timestampMs),
    [1234, 1234],
  )
})

test('a mended largest timestamp keeps the batch whole', () => {
  const batch = buildBatch([{ key: null, value: bytes('a'), timestampMs: 10 }])
  setBatchMaxTimestamp(batch, 11)
  assert.equal(checkBatch(batch), null)
  assert.equal(batchMaxTimestampMs(batch), 11)
})

function plain(blob: Uint8Array | null): string | null {
  return blob === null ? null : Buffer.from(blob).toString('hex')
}
