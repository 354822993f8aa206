import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_HEADER_BYTES, buildBatch, type RecordInput, readRecords } from '../../src/log/record-batch.ts'
import { walkRecords } from '../../src/log/record-walk.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'

const T0 = 1_700_000_000_000
const walk = (records: readonly RecordInput[]) => walkRecords(buildBatch(records), BATCH_HEADER_BYTES, records.length)

test('a walk tells the smallest and the largest time, and whether a key is missing', () => {
  const at = (timestampMs: number, key: string | null = 'k') => ({ key: key === null ? null : Buffer.from(key), value: Buffer.from('v'), timestampMs })
  assert.deepEqual(walk([at(T0), at(T0 - 5), at(T0 + 70_000_000_000)]), { leastTimestampDelta: -5, mostTimestampDelta: 70_000_000_000, hasKeyless: false })
  assert.deepEqual(walk([at(T0), at(T0, null), at(T0)]), { leastTimestampDelta: 0, mostTimestampDelta: 0, hasKeyless: true })
  assert.deepEqual(walk([at(T0, '')]), { leastTimestampDelta: 0, mostTimestampDelta: 0, hasKeyless: false })
})

test('long keys, values and headers are passed over', () => {
  const headers = Array.from({ length: 70 }, (_, i) => ({ key: `${i}`.repeat(50), value: i % 2 === 0 ? null : Buffer.alloc(i * 10) }))
  const records = [0, 1, 127, 128, 16_384, 3_000_000].map((size) => ({ key: Buffer.alloc(size), value: Buffer.alloc(size), headers, timestampMs: T0 }))
  assert.deepEqual(walk(records), { leastTimestampDelta: 0, mostTimestampDelta: 0, hasKeyless: false })
})

test('another count than there are records is malformed', () => {
  const batch = buildBatch(['a', 'b', 'c'].map((value) => ({ key: null, value: Buffer.from(value), timestampMs: T0 })))
  for (const count of [1, 2, 4, 1_000_000_000]) assert.equal(walkRecords(batch, BATCH_HEADER_BYTES, count), 'malformed')
  assert.equal(typeof walkRecords(batch, BATCH_HEADER_BYTES, 3), 'object')
})

test('whatever is changed in a batch, the walk takes just what readers can read', (t) => {
  const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.diagnostic(`TEST_SEED=${seed}`)
  const random = new SeededRandom(seed)
  const blob = () => (random.below(4) === 0 ? null : Buffer.from('x'.repeat(random.below(random.below(200) + 1))))
  let taken = 0
  let refused = 0
  for (let round = 0; round < 20_000; round++) {
    const records = Array.from({ length: random.below(5) + 1 }, () => ({
      key: blob(),
      value: blob(),
      timestampMs: T0 + random.below(100_000) - 50_000,
      headers: Array.from({ length: random.below(3) }, () => ({ key: 'h'.repeat(random.below(70)), value: blob() })),
    }))
    const batch = Buffer.from(buildBatch(records))
    for (let changes = random.below(3); changes > 0; changes--) {
      const at = BATCH_HEADER_BYTES + random.below(batch.length - BATCH_HEADER_BYTES)
      batch[at] = random.below(256)
    }
    const section = batch.subarray(BATCH_HEADER_BYTES)
    const seen = walkRecords(batch, BATCH_HEADER_BYTES, records.length)
    const read = readRecords(batch, section)
    if (typeof seen === 'string') {
      refused++
      assert.ok(!Array.isArray(read), `round ${round}: read, but ${seen}`)
    } else if (Array.isArray(read)) {
      taken++
      assert.equal(
        seen.hasKeyless,
        read.some(({ key }) => key === null),
        `round ${round}`,
      )
      const times = read.map(({ timestampMs }) => timestampMs - T0 - ((records[0] as RecordInput).timestampMs - T0))
      assert.deepEqual([seen.leastTimestampDelta, seen.mostTimestampDelta], [Math.min(...times), Math.max(...times)], `round ${round}`)
    } else {
      // Offsets are what only readers look at, and times that no number holds.
      assert.match(read.message, /has offset|malformed/, `round ${round}`)
    }
  }
  assert.ok(taken > 1_000 && refused > 1_000, `${taken} taken, ${refused} refused`)
})
