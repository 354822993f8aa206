import assert from 'node:assert/strict'
import test from 'node:test'
import { KeptState } from '../../src/log/kept-state.ts'
import { OwnState } from '../../src/log/own-state.ts'
import type { LogFailure, PartitionLog, StateRecord } from '../../src/log/ports.ts'
import { buildBatch } from '../../src/log/record-batch.ts'
import { Bench } from './disk-bench.ts'
import { SETTINGS, TOPIC_ID } from './log-harness.ts'

const PRODUCER = { producerId: 7, producerEpoch: 0 }
const REFUSED: LogFailure = { code: 'storage-error', message: 'the disk of the test is full' }

function sequenced(baseSequence: number, producerId = PRODUCER.producerId): Uint8Array {
  return buildBatch([{ key: null, value: Buffer.from(`${baseSequence}`), timestampMs: 1_000 }], { ...PRODUCER, producerId, baseSequence })
}

test('a producer is known after a crash though a full disk refused the checkpoint that was to remember it', async () => {
  let bench = new Bench()
  await bench.until(bench.log.open())
  let partition: PartitionLog = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  bench.log.start()
  await bench.pass(10_000)
  await bench.appendBatch(partition, sequenced(0))
  await bench.appendBatch(partition, sequenced(1))
  bench.disk.faults.writeError = { code: 'ENOSPC', path: /journal/ }
  await bench.pass(10_000)
  bench.disk.faults.writeError = null
  // Another producer: the recovery point goes on, and nothing changes of the first.
  await bench.appendBatch(partition, sequenced(0, 8))
  await bench.pass(10_000)
  bench = new Bench(bench.disk.crash())
  await bench.until(bench.log.open())
  partition = (await bench.until(bench.log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS))) as PartitionLog
  const ask = (baseSequence: number) => partition.checkProducer({ ...PRODUCER, baseSequence, lastSequence: baseSequence })
  assert.equal(ask(1).outcome, 'duplicate')
  assert.deepEqual([ask(2).outcome, ask(2).isKnown], ['append', true])
  await bench.until(bench.log.close())
})

/** Appends that a test lets succeed or fail. */
class Fates {
  readonly machine = new KeptState(-1)
  readonly asked: StateRecord[][] = []
  readonly own: OwnState
  untold = false
  readonly #onDone: ((failure: LogFailure | null) => void)[] = []

  constructor() {
    this.own = new OwnState({
      machines: [this.machine],
      append: (records, onDone) => {
        this.asked.push([...records])
        this.#onDone.push(onDone)
      },
      hasUntold: () => this.untold,
    })
  }

  append(key: string, value: string): void {
    this.own.append([this.machine.record(key, Buffer.from(value))], () => {})
  }

  tell(failure: LogFailure | null): void {
    this.#onDone.shift()?.(failure)
  }

  get last(): string {
    return (this.asked.at(-1) ?? []).map(({ key, value }) => `${key}=${value === null ? 'gone' : Buffer.from(value).toString()}`).join(' ')
  }
}

test('what was refused goes along with the next append, as it is by then, until that is kept', () => {
  const fates = new Fates()
  fates.append('a', '1')
  fates.append('b', '1')
  fates.tell(REFUSED)
  fates.tell(REFUSED)
  fates.machine.apply('a', null)
  fates.append('c', '1')
  assert.equal(fates.last, 'a=gone b=1 c=1')
  fates.tell(REFUSED)
  fates.append('b', '2')
  assert.equal(fates.last, 'a=gone c=1 b=2')
  fates.tell(null)
  fates.append('d', '1')
  assert.equal(fates.last, 'd=1')
})

test('what was taken back and not told yet goes along too; what is only on its way does not', () => {
  const fates = new Fates()
  fates.append('a', '1')
  fates.append('b', '1')
  assert.equal(fates.last, 'b=1')
  fates.untold = true
  fates.append('c', '1')
  assert.equal(fates.last, 'a=1 b=1 c=1')
  fates.untold = false
  fates.tell(REFUSED)
  fates.tell(REFUSED)
  fates.tell(null)
  fates.append('d', '1')
  assert.equal(fates.last, 'd=1')
})
