import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { drawFaults, parseFaults, printFaults } from '../simulation/fault-schedule.ts'
import { commandOf, minimise, type Replay } from '../simulation/minimise.ts'
import { RESOURCE_BOUNDS } from '../simulation/resource-watch.ts'
import type { RunResult } from '../simulation/run-seed.ts'
import { kindOf, relevantLines } from '../simulation/violations.ts'

const WORKLOADS = ['kafka-log', 'consumer-group', 'mqtt-wills']
const LATEST_MS = 9_000
const ALL = Array.from({ length: 12 }, (_, i) => ({ name: 'kill', atMs: 700 * (i + 1), seed: i }))

/** A broker that fails where `bug` says so; everything else of a run is as it was asked for. */
function played({ seed, workloads, faults, variation }: Replay, bug: (replay: Replay) => string | null): RunResult {
  const violation = bug({ seed, seconds: 20, workloads, faults, variation })
  return {
    seed,
    violations: violation === null ? [] : [violation],
    steps: 1,
    simulatedMs: LATEST_MS,
    traceHash: '',
    trace: [],
    cast: workloads,
    faults,
    counts: new Map(),
    brokerHeapBytes: 0,
    most: RESOURCE_BOUNDS,
  }
}

function failing(bug: (replay: Replay) => string | null): { readonly first: RunResult; readonly run: (replay: Replay) => Promise<RunResult> } {
  const first = played({ seed: 1, seconds: 20, variation: 0, workloads: WORKLOADS, faults: ALL }, bug)
  return { first, run: async (replay) => played(replay, bug) }
}

const bySecondAndFifth = ({ workloads, faults }: Replay): string | null => {
  const both = [1, 4].every((i) => faults.some(({ atMs }) => atMs === ALL[i]?.atMs))
  return both && workloads.includes('mqtt-wills') ? `${LATEST_MS / 1000}.000 s: wills holds w0.${faults.length} 2 times` : null
}

test('of all workloads and faults those are left that a failure needs', async () => {
  const { first, run } = failing(bySecondAndFifth)
  const { replay } = await minimise(first, { seconds: 20, variation: 0 }, run, () => true)
  assert.deepEqual(replay.workloads, ['mqtt-wills'])
  assert.deepEqual(replay.faults, [ALL[1], ALL[4]])
  assert.ok(replay.seconds < 20)
})

test('a smaller run that fails in another way is none', async () => {
  const { first, run } = failing((replay) => bySecondAndFifth(replay) ?? '1.000 s: the broker does not start: something else')
  const { replay } = await minimise(first, { seconds: 20, variation: 0 }, run, () => true)
  assert.deepEqual(replay.faults, [ALL[1], ALL[4]])
})

test('without time for another run the failure stays as it was', async () => {
  const { first, run } = failing(bySecondAndFifth)
  const { replay, runs } = await minimise(first, { seconds: 20, variation: 0 }, run, () => false)
  assert.equal(runs, 0)
  assert.deepEqual(replay.faults, ALL)
})

test('a command line says everything that decides a run', () => {
  const faults = drawFaults(new SeededRandom(9), 5_000)
  assert.deepEqual(parseFaults(printFaults(faults)), faults)
  assert.deepEqual(parseFaults('none'), [])
  assert.equal(
    commandOf({ seed: 7, seconds: 3, variation: 2, workloads: ['kafka-log'], faults: [{ name: 'kill', atMs: 100, seed: 5 }] }, 'a plant'),
    'npm run sim -- --seed 7 --seconds 3 --workloads kafka-log --faults kill@100#5 --variation 2 --plant "a plant"',
  )
  assert.throws(() => parseFaults('flood@1#2'), /flood@1#2 is no fault/)
})

test('violations are of one kind whatever they name', () => {
  const one = '12.345 s: events-0: p0.1.5, told at offset 17, is nowhere; p3.1.2 is there (log end 40, durable below 30)'
  const other = '1.000 s: orders-1: p2.0.9, told at offset 3, is nowhere; p3.0.11 is there (log end 9, durable below 5)'
  assert.equal(kindOf(one), kindOf(other))
  assert.notEqual(kindOf(one), kindOf('1.000 s: orders holds p2.0.9 2 times; it was sent 1 times, exactly-once'))
})

test('of a trace the lines are shown that name what a violation names, up to it', () => {
  const trace = [
    '1 start broker-1',
    '2 durable events-0 4 p0.1.5',
    '3 durable orders-0 1 p7.0.1',
    '4 disk write events-0',
    '5 VIOLATION events-0',
    '6 start broker-2',
  ]
  assert.deepEqual(relevantLines(trace, '1.000 s: events-0: p0.1.5 is nowhere', 10), [
    '1 start broker-1',
    '2 durable events-0 4 p0.1.5',
    '5 VIOLATION events-0',
  ])
})
