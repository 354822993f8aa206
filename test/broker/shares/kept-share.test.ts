import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyRecord, changed, doneCount, encodeChange, encodeWhole, type KeptBatch, type KeptShare } from '../../../src/broker/shares/kept-share.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'

const batch = (first: number, last: number, state: KeptBatch['state'], deliveryCount = 1): KeptBatch => ({ first, last, state, deliveryCount })

test('what is done without a gap from the start on is below the start', () => {
  const kept = changed(
    { startOffset: 0, batches: [] },
    { startOffset: 0, batches: [batch(0, 4, 'acknowledged'), batch(5, 5, 'available'), batch(6, 9, 'archived')] },
  )
  assert.deepEqual(kept, { startOffset: 5, batches: [batch(5, 5, 'available'), batch(6, 9, 'archived')] })
  assert.deepEqual(changed(kept, { startOffset: 0, batches: [batch(5, 5, 'acknowledged', 2)] }), { startOffset: 10, batches: [] })
})

test('what nothing is kept of holds the start', () => {
  const kept = changed({ startOffset: 0, batches: [] }, { startOffset: 0, batches: [batch(3, 9, 'acknowledged')] })
  assert.deepEqual(kept, { startOffset: 0, batches: [batch(3, 9, 'acknowledged')] })
  assert.equal(doneCount(kept), 7)
})

test('a start that is known to be later cuts what lies below it', () => {
  const kept = { startOffset: 0, batches: [batch(2, 9, 'available', 3), batch(12, 13, 'archived')] }
  assert.deepEqual(changed(kept, { startOffset: 6, batches: [] }), { startOffset: 6, batches: [batch(6, 9, 'available', 3), batch(12, 13, 'archived')] })
  assert.deepEqual(changed(kept, { startOffset: 12, batches: [] }), { startOffset: 14, batches: [] })
})

test('what is new hides what was, wherever it begins and ends', () => {
  const old: KeptShare = { startOffset: 0, batches: [batch(0, 9, 'available'), batch(12, 19, 'available', 2), batch(20, 29, 'available')] }
  assert.deepEqual(changed(old, { startOffset: 0, batches: [batch(25, 25, 'archived'), batch(5, 22, 'available', 4)] }).batches, [
    batch(0, 4, 'available'),
    batch(5, 22, 'available', 4),
    batch(23, 24, 'available'),
    batch(25, 25, 'archived'),
    batch(26, 29, 'available'),
  ])
})

/** Each offset by itself. */
interface Plain {
  start: number
  readonly records: Map<number, { state: KeptBatch['state']; count: number }>
}

test('records of changes, one after the other, are the sum of the changes', (t) => {
  const seed = Math.floor(Math.random() * 1e9)
  t.diagnostic(`seed ${seed}`)
  const random = new SeededRandom(seed)
  for (let round = 0; round < 300; round++) {
    const plain: Plain = { start: 0, records: new Map() }
    let kept: KeptShare = { startOffset: 0, batches: [] }
    for (let step = 0; step < 12; step++) {
      const change = { startOffset: random.chance(0.2) ? random.below(40) : 0, batches: drawBatches(random) }
      kept = applyRecord(random.chance(0.3) ? applyRecord(null, encodeWhole(kept)) : kept, encodeChange(change))
      addPlain(plain, change.startOffset, change.batches)
      assert.equal(kept.startOffset, plain.start)
      assert.deepEqual(spread(kept).map(known), [...plain.records].sort(([left], [right]) => left - right).map(known))
      for (let index = 1; index < kept.batches.length; index++) {
        const [before, after] = [kept.batches[index - 1] as KeptBatch, kept.batches[index] as KeptBatch]
        assert.ok(before.last < after.first, 'in order')
      }
    }
  }
})

/** A few batches that do not overlap, in any order. */
function drawBatches(random: SeededRandom): KeptBatch[] {
  const batches: KeptBatch[] = []
  for (let offset = random.below(10); offset < 50 && random.chance(0.7); ) {
    const last = offset + random.below(8)
    batches.push(batch(offset, last, random.pick(['available', 'acknowledged', 'archived'] as const), random.between(1, 3)))
    offset = last + 1 + random.below(6)
  }
  return random.chance(0.5) ? batches.reverse() : batches
}

function addPlain(plain: Plain, startOffset: number, batches: readonly KeptBatch[]): void {
  for (const { first, last, state, deliveryCount } of batches) {
    for (let offset = first; offset <= last; offset++) plain.records.set(offset, { state, count: deliveryCount })
  }
  plain.start = Math.max(plain.start, startOffset)
  while (isDone(plain, plain.start)) plain.start++
  for (const offset of [...plain.records.keys()]) if (offset < plain.start) plain.records.delete(offset)
}

function isDone({ records }: Plain, offset: number): boolean {
  const record = records.get(offset)
  return record !== undefined && record.state !== 'available'
}

/** How often something was delivered that is done does not matter any more. */
function spread({ batches }: KeptShare): [number, { state: KeptBatch['state']; count: number }][] {
  return batches.flatMap(({ first, last, state, deliveryCount }) =>
    Array.from({ length: last - first + 1 }, (_, index): [number, { state: KeptBatch['state']; count: number }] => [
      first + index,
      { state, count: deliveryCount },
    ]),
  )
}

function known([offset, { state, count }]: readonly [number, { readonly state: KeptBatch['state']; readonly count: number }]): unknown {
  return state === 'available' ? [offset, state, count] : [offset, state]
}
