import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Marks } from '../../../src/broker/sessions/marks.ts'
import { PartitionTail } from '../../../src/broker/sessions/partition-tail.ts'
import { Partition } from '../../../src/broker/topics/partition.ts'
import { Topic } from '../../../src/broker/topics/topic.ts'
import type { StateRecord } from '../../../src/log/ports.ts'
import { HeldLog } from './support/held-log.ts'

function tailsOf(count: number): PartitionTail[] {
  const log = new HeldLog()
  const topic = new Topic('id', 't', new Map())
  return Array.from({ length: count }, (_, index) => new PartitionTail(new Partition(topic, log.createPartition('id', 't', index, topic.settings.log))))
}

/** Keeps records as the state log would. */
class Kept {
  readonly values = new Map<string, Uint8Array>()
  take(records: readonly StateRecord[]): void {
    for (const { key, value } of records) {
      if (value === null) this.values.delete(key)
      else this.values.set(key, value)
    }
  }
}

test('a mark holds the tails of its moment, whatever comes after', () => {
  const marks = new Marks()
  const [a, b] = tailsOf(2) as [PartitionTail, PartitionTail]
  const records: StateRecord[] = []
  const move = (tail: PartitionTail, to: number) => {
    tail.dispatched = to
    marks.changed(tail)
  }
  move(a, 5)
  const first = marks.take(records)
  move(b, 7)
  const second = marks.take(records)
  assert.equal(marks.take(records), second, 'nothing changed: the same mark')
  move(a, 9)
  const third = marks.take(records)
  assert.deepEqual(
    [first, second, third].map((seq) => [marks.offsetAt(seq, a), marks.offsetAt(seq, b)]),
    [
      [5, undefined],
      [5, 7],
      [9, 7],
    ],
  )
})

test('marks nobody stands at are merged, and the others say the same, in memory and on disk', () => {
  const tails = tailsOf(6)
  const marks = new Marks()
  const kept = new Kept()
  let state = 1
  const chance = (bound: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % bound
  }
  /** Sequence -> what it must say. */
  const expected = new Map<number, (number | undefined)[]>()
  const references = new Map<number, number>()
  for (let step = 0; step < 3000; step++) {
    const tail = tails[chance(tails.length)] as PartitionTail
    if (chance(3) > 0) {
      tail.dispatched += 1 + chance(5)
      marks.changed(tail)
    } else if (chance(2) === 0) {
      const records: StateRecord[] = []
      const seq = marks.take(records)
      kept.take(records)
      references.set(seq, (references.get(seq) ?? 0) + 1)
      expected.set(
        seq,
        tails.map((each) => (each.dispatched === 0 ? undefined : each.dispatched)),
      )
    } else {
      const seqs = [...references.keys()]
      const seq = seqs[chance(Math.max(1, seqs.length))]
      if (seq !== undefined) {
        marks.release(seq)
        const left = (references.get(seq) as number) - 1
        if (left > 0) references.set(seq, left)
        else references.delete(seq)
      }
    }
    const records: StateRecord[] = []
    marks.tidy(records)
    kept.take(records)
    for (const seq of references.keys()) {
      assert.deepEqual(
        tails.map((each) => marks.offsetAt(seq, each)),
        expected.get(seq),
      )
    }
  }
  assert.ok(marks.count <= references.size + 1, `${marks.count} marks for ${references.size} in use`)
  assert.ok(kept.values.size <= references.size + 70)
  const again = tailsOf(6)
  for (const [index, tail] of again.entries()) tail.dispatched = (tails[index] as PartitionTail).dispatched
  const restored = new Marks()
  for (const [key, value] of kept.values) restored.apply(key, value)
  restored.open(new Map(again.map((tail) => [tail.key, tail])), (_tail, offset) => offset)
  for (const seq of references.keys()) restored.retain(seq)
  restored.prune([])
  for (const seq of references.keys()) {
    assert.deepEqual(
      again.map((each) => restored.offsetAt(seq, each)),
      expected.get(seq),
    )
  }
})
