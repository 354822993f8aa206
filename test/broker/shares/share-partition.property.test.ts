import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changed, type KeptShare, type ShareChange } from '../../../src/broker/shares/kept-share.ts'
import type { AcquiredRange, ShareLimits } from '../../../src/broker/shares/share-limits.ts'
import { type AckFault, type Acknowledgement, SharePartition } from '../../../src/broker/shares/share-partition.ts'
import { batchBaseOffset, batchOffsetCount } from '../../../src/log/record-batch.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { header } from './batch-headers.ts'

const ROUNDS = 80
const STEPS = 250
const MEMBERS = ['a', 'b', 'c']

/** One record as the model knows it; nothing is known of those that were never acquired. */
interface Known {
  state: 'free' | 'held' | 'done'
  count: number
  holder: string
  lockedUntilMs: number
  /** The change that waits for the disk; what it was before it. */
  waiting: object | null
}

interface Save {
  readonly change: ShareChange
  readonly onDone: (ok: boolean) => void
}

/** A share partition over a log of headers, with members, a disk that says when, crashes, and a model beside it. */
class World {
  readonly random: SeededRandom
  readonly clock = new ManualClock()
  readonly limits: ShareLimits
  readonly known = new Map<number, Known>()
  /** What the disk holds for certain. */
  durable: KeptShare = { startOffset: 0, batches: [] }
  /** How often records were delivered, and which are done, as the changes on the disk say one by one. */
  readonly durableCounts = new Map<number, number>()
  readonly durableDone = new Set<number>()
  durableStart = 0
  /** Accepted or rejected and told so: never to be seen again. */
  readonly finished = new Set<number>()
  readonly batches: Uint8Array[] = []
  saves: Save[] = []
  wasRefused = false
  share: SharePartition
  logStart = 0
  logEnd = 0
  acquired = 0

  constructor(random: SeededRandom) {
    this.random = random
    this.limits = {
      maxDeliveries: random.pick([2, 3, 5, Number.POSITIVE_INFINITY]),
      maxInFlight: random.pick([20, 100]),
      lockMs: random.chance(0.8) ? 1_000 : Number.POSITIVE_INFINITY,
      mayRenew: random.chance(0.8),
    }
    this.share = this.open()
    this.produce()
  }

  open(): SharePartition {
    return new SharePartition(this.durable, {
      clock: this.clock,
      limits: () => this.limits,
      save: (change, onDone) => this.saves.push({ change, onDone }),
      keptStart: () => this.durable.startOffset,
      onFree: () => {},
    })
  }

  produce(): void {
    for (let left = this.random.between(1, 4); left > 0; left--) {
      // Compaction may have taken whole batches.
      const first = this.logEnd + (this.random.chance(0.05) ? this.random.between(1, 5) : 0)
      const last = first + this.random.pick([0, 0, 1, 4, 9, 30])
      this.batches.push(header(first, last))
      this.logEnd = last + 1
    }
  }

  read(from: number): Uint8Array[] {
    const found = this.batches.filter((batch) => batchBaseOffset(batch) + batchOffsetCount(batch) > from)
    return found.slice(0, this.random.between(1, 6))
  }

  acquire(exact = this.random.chance(0.3)): readonly AcquiredRange[] {
    const from = this.share.nextOffset()
    if (from === null) {
      assert.ok(this.share.endOffset - this.share.startOffset >= this.limits.maxInFlight, 'nothing can be taken although there is room')
      return []
    }
    const member = this.random.pick(MEMBERS)
    const maxRecords = this.random.pick([1, 3, 10, 500])
    const batches = this.read(from)
    // What was read is taken later: others may have been faster, and the log may begin elsewhere by then.
    const isLate = this.random.chance(0.2)
    if (isLate) for (let left = 3; left > 0; left--) this.actInBetween()
    const end = this.share.endOffset
    const ranges = this.share.acquire(from, batches, { member, maxRecords, batchSize: this.random.pick([1, 10, 500]), exact })
    let count = 0
    let before = -1
    for (const { first, last, deliveryCount } of ranges) {
      assert.ok(first > before && last >= first, 'ranges in order')
      before = last
      for (let offset = first; offset <= last; offset++) {
        count++
        const known = this.known.get(offset)
        assert.ok(!this.finished.has(offset), `${offset} was finished, and is delivered again`)
        if (known === undefined) assert.ok(offset >= end, `${offset} was passed over`)
        else {
          this.expire(known)
          assert.equal(known.state, 'free', `${offset} is ${known.state} by ${known.holder}, and is delivered to ${member}`)
          assert.equal(known.waiting, null, `${offset} is delivered before its release is durable`)
        }
        assert.equal(deliveryCount, (known?.count ?? 0) + 1, `delivery count of ${offset}`)
        assert.ok(deliveryCount <= this.limits.maxDeliveries, `${offset} is delivered too often`)
        this.known.set(offset, { state: 'held', count: deliveryCount, holder: member, lockedUntilMs: this.now + this.limits.lockMs, waiting: null })
      }
    }
    if (exact) assert.ok(count <= maxRecords, `${count} records, ${maxRecords} were wanted`)
    if (!isLate && batches.length > 0 && batchBaseOffset(batches[0] as Uint8Array) <= from)
      assert.ok(count > 0, `nothing is taken at ${from}, where something is free`)
    for (let offset = Math.max(end, this.share.startOffset); offset < this.share.endOffset; offset++) {
      if (!this.known.has(offset))
        this.known.set(offset, { state: this.inLog(offset) ? 'free' : 'done', count: 0, holder: '', lockedUntilMs: 0, waiting: null })
    }
    assert.ok(this.share.endOffset - this.share.startOffset < this.limits.maxInFlight + 40, 'records in flight are bounded')
    this.acquired += count
    return ranges
  }

  inLog(offset: number): boolean {
    return this.batches.some((batch) => batchBaseOffset(batch) <= offset && offset < batchBaseOffset(batch) + batchOffsetCount(batch))
  }

  get now(): number {
    return this.clock.monotonicMs()
  }

  /** What a lock that ended makes of a record. */
  expire(known: Known): void {
    if (known.state === 'held' && known.waiting === null && known.lockedUntilMs <= this.now) this.free(known)
  }

  free(known: Known): void {
    known.state = known.count >= this.limits.maxDeliveries ? 'done' : 'free'
    known.holder = ''
  }

  /** Of what a member holds, or of anything. */
  acknowledge(): void {
    const member = this.random.pick(MEMBERS)
    const held = [...this.known].filter(
      ([offset, known]) => known.holder === member && known.state === 'held' && known.waiting === null && offset >= this.share.startOffset,
    )
    const acknowledgements: Acknowledgement[] = []
    let next = this.share.startOffset - 2
    for (let left = this.random.between(1, 3); left > 0; left--) {
      const wild = this.random.chance(0.15) || held.length === 0
      const first = Math.max(next, wild ? this.random.between(0, this.share.endOffset + 3) : this.random.pick(held)[0])
      let last = first
      while (this.random.chance(wild ? 0.5 : 0.9) && (wild || this.known.get(last + 1)?.holder === member)) last++
      acknowledgements.push({ first, last, kind: this.random.pick(['accept', 'accept', 'release', 'reject', 'renew'] as const) })
      next = last + 1
    }
    this.tell(member, acknowledgements)
  }

  tell(member: string, acknowledgements: readonly Acknowledgement[]): void {
    const start = this.share.startOffset
    const mine = acknowledgements.flatMap(({ first, last, kind }) => {
      const offsets: { offset: number; kind: Acknowledgement['kind'] }[] = []
      for (let offset = Math.max(first, start); offset <= last; offset++) offsets.push({ offset, kind })
      return offsets
    })
    for (const known of this.known.values()) this.expire(known)
    const allowed = mine.every(({ offset, kind }) => {
      const known = this.known.get(offset)
      return known?.state === 'held' && known.waiting === null && known.holder === member && (kind !== 'renew' || this.limits.mayRenew)
    })
    let fault: AckFault | null | undefined
    const change = {}
    const saves = this.saves.length
    const finished: number[] = []
    this.share.acknowledge(member, acknowledgements, (said) => {
      assert.equal(fault, undefined, 'told once')
      fault = said
      for (const { offset } of mine) {
        const known = this.known.get(offset)
        if (known?.waiting !== change) continue
        known.waiting = null
        if (said !== null && said.reason === 'not-kept') {
          known.state = 'held'
          this.expire(known)
        } else {
          known.holder = ''
        }
      }
      if (said === null) for (const offset of finished) this.finished.add(offset)
    })
    if (!allowed) {
      assert.ok(fault !== null && fault !== undefined, 'refused')
      assert.equal(this.saves.length, saves)
      return
    }
    assert.ok(fault === undefined || fault === null, `taken, not refused: ${JSON.stringify(fault)}`)
    for (const { offset, kind } of mine) {
      const known = this.known.get(offset) as Known
      if (kind === 'renew') {
        known.lockedUntilMs = this.now + this.limits.lockMs
        continue
      }
      known.waiting = change
      known.state = kind === 'release' && known.count < this.limits.maxDeliveries ? 'free' : 'done'
      if (kind !== 'release') finished.push(offset)
    }
  }

  release(): void {
    const member = this.random.pick(MEMBERS)
    const mine = [...this.known.values()].filter((known) => {
      this.expire(known)
      return known.state === 'held' && known.holder === member && known.waiting === null
    })
    const saves = this.saves.length
    this.share.release(member)
    if (mine.length === 0) return
    const save = this.saves[saves] as Save
    const change = {}
    for (const known of mine) {
      known.waiting = change
      known.state = known.count >= this.limits.maxDeliveries ? 'done' : 'free'
    }
    this.saves[saves] = {
      change: save.change,
      onDone: (ok) => {
        save.onDone(ok)
        for (const known of mine) {
          if (known.waiting !== change) continue
          known.waiting = null
          known.holder = ok ? '' : known.holder
          if (!ok) known.state = 'held'
        }
      },
    }
  }

  /** The disk says yes to the first saves that wait, or no. */
  settle(count: number, ok: boolean): void {
    for (const { change, onDone } of this.saves.splice(0, count)) {
      this.wasRefused = !ok
      if (ok) this.keep(change)
      onDone(ok)
    }
  }

  keep(change: ShareChange): void {
    this.durable = changed(this.durable, change)
    this.durableStart = Math.max(this.durableStart, change.startOffset)
    for (const { first, last, state, deliveryCount } of change.batches) {
      for (let offset = first; offset <= last; offset++) {
        this.durableCounts.set(offset, deliveryCount)
        if (state === 'available') this.durableDone.delete(offset)
        else this.durableDone.add(offset)
      }
    }
  }

  advance(ms: number): void {
    this.clock.advance(ms)
    for (const known of this.known.values()) this.expire(known)
  }

  raiseStart(): void {
    this.logStart = Math.min(this.logEnd, this.logStart + this.random.between(1, 30))
    this.share.raiseStart(this.logStart)
    for (const offset of [...this.known.keys()]) if (offset < this.logStart) this.known.delete(offset)
    while (this.batches.length > 0 && batchBaseOffset(this.batches[0] as Uint8Array) + batchOffsetCount(this.batches[0] as Uint8Array) <= this.logStart)
      this.batches.shift()
  }

  /** A crash: the first `kept` saves had reached the disk unseen. */
  restart(): void {
    for (const { change } of this.saves.splice(0, this.random.below(this.saves.length + 1))) this.keep(change)
    this.saves = []
    this.share.close()
    this.share = this.open()
    this.share.raiseStart(this.logStart)
    const end = this.share.endOffset
    for (const [offset, known] of this.known) {
      if (offset >= end) this.known.delete(offset)
      else {
        Object.assign(known, { holder: '', waiting: null, lockedUntilMs: 0 })
        known.count = this.durableCounts.get(offset) ?? 0
        known.state = offset < this.durableStart || this.durableDone.has(offset) ? 'done' : 'free'
        assert.ok(known.state === 'done' || offset >= this.share.startOffset, `${offset} is lost: it was never finished`)
      }
    }
  }

  actInBetween(): void {
    const dice = this.random.below(5)
    if (dice === 0) this.acquire()
    else if (dice === 1) this.acknowledge()
    else if (dice === 2) this.settle(2, true)
    else if (dice === 3) this.raiseStart()
    else this.advance(300)
  }

  act(): void {
    const dice = this.random.below(100)
    if (dice < 30) this.acquire()
    else if (dice < 60) this.acknowledge()
    else if (dice < 64) this.release()
    else if (dice < 80) this.settle(this.random.between(1, 3), true)
    else if (dice < 82) this.settle(1, false)
    else if (dice < 88) this.advance(this.random.pick([1, 300, 1_000]))
    else if (dice < 96) this.produce()
    else if (dice < 98) this.raiseStart()
    else this.restart()
    this.check()
  }

  /** Nothing that is finished lies at the start, and no more is remembered than there is. */
  check(): void {
    const { startOffset, endOffset, runCount } = this.share
    assert.ok(startOffset <= endOffset && runCount <= endOffset - startOffset)
    assert.ok(this.durable.startOffset <= Math.max(startOffset, 0) || this.saves.length === 0 || startOffset >= 0)
    let done = 0
    for (const { first, last } of this.durable.batches) {
      assert.ok(first >= done && last >= first, `what is kept is in order: ${JSON.stringify(this.durable)}`)
      done = last + 1
    }
  }

  /** Everything there is comes to an end when members take and accept it. */
  drain(): void {
    this.settle(this.saves.length, true)
    for (const member of MEMBERS) this.share.release(member)
    this.settle(this.saves.length, true)
    this.advance(5_000)
    for (let left = 5_000; this.share.startOffset < this.logEnd; left--) {
      assert.ok(left > 0, `stuck at ${this.share.startOffset} of ${this.logEnd}`)
      for (const known of this.known.values()) if (known.state === 'held') this.free(known)
      const from = this.share.nextOffset()
      assert.notEqual(from, null)
      const ranges = this.share.acquire(from as number, this.read(from as number), { member: 'a', maxRecords: 500, batchSize: 500, exact: false })
      this.share.acknowledge(
        'a',
        ranges.map(({ first, last }) => ({ first, last, kind: 'accept' })),
        (fault) => assert.equal(fault, null),
      )
      this.settle(this.saves.length, true)
    }
    this.settle(this.saves.length, true)
    assert.equal(this.share.runCount, 0)
    // What the disk refused last is told with the next change.
    if (!this.wasRefused) assert.deepEqual(this.durable, { startOffset: this.share.startOffset, batches: [] })
  }
}

test('no record is with two members, none comes back once it is finished, and all of them are finished in the end', (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
  t.diagnostic(`SEED=${seed}`)
  const random = new SeededRandom(seed)
  let acquired = 0
  for (let round = 0; round < ROUNDS; round++) {
    const world = new World(random)
    for (let step = 0; step < STEPS; step++) world.act()
    world.drain()
    acquired += world.acquired
  }
  assert.ok(acquired > ROUNDS * 50, 'enough was delivered')
})
