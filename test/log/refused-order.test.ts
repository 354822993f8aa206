import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogFailure, PartitionLog, StateRecord } from '../../src/log/ports.ts'
import type { LogSettings } from '../../src/log/settings.ts'
import { CrashingDisk } from '../../src/testing/crashing-disk.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { Bench } from './disk-bench.ts'
import { batchOf, SETTINGS, TOPIC_ID, valuesFrom } from './log-harness.ts'

const FULL = { code: 'ENOSPC', path: /orders-0/ }

async function openBench(settings: Partial<LogSettings> = {}): Promise<{ bench: Bench; partition: PartitionLog }> {
  const bench = new Bench(new CrashingDisk(new SeededRandom(1)), settings)
  await bench.until(bench.log.open())
  const partition = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  bench.log.start()
  await bench.pass(2000)
  return { bench, partition }
}

/** State as a machine of the broker has it: ahead of the disk, back to what is durable where the disk refused. */
class Register {
  readonly fates: string[] = []
  readonly #bench: Bench

  constructor(bench: Bench) {
    this.#bench = bench
  }

  set(key: string, value: string): void {
    const { machine, log } = this.#bench
    const before = machine.values.get(key)
    machine.values.set(key, value)
    const state: StateRecord[] = [{ kind: 1, key, value: Buffer.from(value) }]
    const onDone = (failure: LogFailure | null): void => {
      this.fates.push(`${value} ${failure === null ? 'ok' : 'refused'}`)
      if (failure === null || machine.values.get(key) !== value) return
      if (before === undefined) machine.values.delete(key)
      else machine.values.set(key, before)
    }
    log.append({ batches: [], state, durability: 'durable', onDone })
  }
}

/** A write that the disk refuses takes back all that the journal does not have. */
function refuse({ bench, partition }: { bench: Bench; partition: PartitionLog }): void {
  bench.disk.faults.writeError = FULL
  bench.log.append({ batches: [{ partition, bytes: batchOf('x') }], state: [], durability: 'written', onDone: () => {} })
}

test('what a full disk takes back is told after what was appended before it', async () => {
  const { bench, partition } = await openBench()
  const register = new Register(bench)
  register.set('k', 'first')
  await Promise.resolve()
  // On its way to the journal, and stays there until the disk takes its next step.
  bench.clock.endTurn()
  register.set('k', 'second')
  refuse({ bench, partition })
  for (let i = 0; i < 10; i++) await Promise.resolve()
  assert.deepEqual(register.fates, [])
  bench.disk.faults.writeError = null
  await bench.pass(1000)
  assert.deepEqual(register.fates, ['first ok', 'second refused'])
  await bench.until(bench.log.close())
})

test('a wait for what a full disk takes back fails with it', async () => {
  const { bench, partition } = await openBench()
  const fates: string[] = []
  bench.log.append({ batches: [{ partition, bytes: batchOf('a') }], state: [], durability: 'durable', onDone: (failed) => fates.push(failed?.code ?? 'ok') })
  await Promise.resolve()
  bench.disk.faults.writeError = { code: 'ENOSPC', path: /journal/ }
  bench.clock.endTurn()
  // A retry of the same batch by its producer, while that is on its way to the journal.
  partition.whenDurable(1, (failed) => fates.push(failed?.code ?? 'ok'))
  await bench.pass(1000)
  assert.deepEqual(fates, ['storage-error', 'storage-error'])
  assert.equal(partition.highWatermark, 0)
  bench.disk.faults.writeError = null
  await bench.until(bench.log.close())
})

test('no snapshot holds state that a full disk took back, and none reaches beyond the log', async () => {
  // One append in a journal group: the snapshot's wait is behind that of the state it holds.
  const { bench } = await openBench({ stateSnapshotBytes: 1, commitBytes: 1 })
  const register = new Register(bench)
  register.set('k', 'old')
  await bench.pass(1000)
  bench.disk.faults.writeError = { code: 'ENOSPC', path: /journal/ }
  const large = 'x'.repeat(4000)
  register.set('k', large)
  await bench.pass(1000)
  bench.disk.faults.writeError = null
  const left = new Bench(bench.disk.kill())
  await left.until(left.log.open())
  assert.deepEqual(register.fates, ['old ok', `${large} refused`])
  assert.deepEqual([...left.machine.values], [['k', 'old']])
})

test('nothing of what a full disk took back stays behind the end, also where what the journal holds waits in front of it', async () => {
  const { bench, partition } = await openBench()
  const fates: string[] = []
  const add = (value: string, durability: 'written' | 'durable'): void => {
    const onDone = (failed: LogFailure | null): void => void fates.push(`${value.slice(0, 5)} ${failed?.code ?? 'ok'}`)
    bench.log.append({ batches: [{ partition, bytes: batchOf(value) }], state: [], durability, onDone })
  }
  await bench.append(partition, 'zero')
  bench.disk.faults.writeError = { ...FULL, room: 5_000 }
  add('first', 'durable')
  bench.clock.endTurn()
  // Behind a commit that is under way: ready, and not in the journal.
  add('later'.padEnd(10_000, '.'), 'written')
  await bench.pass(100)
  assert.deepEqual(fates, ['first ok'])
  bench.disk.faults.writeError = { code: 'ENOSPC', path: /journal|orders-0/ }
  new Register(bench).set('k', 'v')
  await bench.pass(100)
  assert.deepEqual(fates, ['first ok', 'later storage-error'])
  bench.disk.faults.writeError = null
  await bench.pass(10_000)
  await bench.until(bench.log.close())
  // Twice: what was appended last is read from the segment then.
  let left = bench
  for (const expected of [
    ['zero', 'first'],
    ['zero', 'first', 'next'],
  ]) {
    left = new Bench(left.disk.kill())
    await left.until(left.log.open())
    const again = await left.until(left.log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS))
    left.log.start()
    assert.deepEqual(await left.until(valuesFrom(again)), expected)
    if (expected.length === 2) await left.append(again, 'next')
    await left.until(left.log.close())
  }
})

test('what the journal holds stays when a full disk takes back what came later, also what did not ask for it', async () => {
  const { bench, partition } = await openBench()
  const fates: string[] = []
  const add = (value: string, durability: 'written' | 'durable'): void => {
    const onDone = (failed: LogFailure | null): void => void fates.push(`${value} ${failed?.code ?? 'ok'}`)
    bench.log.append({ batches: [{ partition, bytes: batchOf(value) }], state: [], durability, onDone })
  }
  // Durable, and not in its segment, with one below it that only wanted to be written.
  add('first', 'durable')
  add('below', 'written')
  add('last', 'durable')
  bench.disk.faults.writeError = FULL
  await bench.pass(100)
  assert.deepEqual(fates, ['first ok', 'last ok'])
  // Now the journal refuses something else.
  bench.disk.faults.writeError = { code: 'ENOSPC', path: /journal|orders-0/ }
  new Register(bench).set('k', 'v')
  await bench.pass(100)
  bench.disk.faults.writeError = null
  await bench.pass(10_000)
  assert.equal(partition.highWatermark, 3)
  assert.deepEqual(await valuesFrom(partition), ['first', 'below', 'last'])
  await bench.until(bench.log.close())
})
