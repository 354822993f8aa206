import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFaults } from '../simulation/fault-schedule.ts'
import { KNOWN_SEEDS } from '../simulation/known-seeds.ts'
import { PLANTED_FAULTS } from '../simulation/planted/index.ts'
import { runSeed } from '../simulation/run-seed.ts'

/** A few short runs for every change; `npm run sim` has the long ones. */
const SECONDS = 3
const SEEDS = [3, 7]
/** Found within the first simulated second or two, where the workload is there that meets them. */
const PLANTED: readonly (readonly [plant: string, workload: string])[] = [
  ['acknowledges before the commit', 'kafka-log'],
  ['the high watermark one too low', 'kafka-log'],
  ['a read begins one record late', 'mqtt-delivery'],
  ['a gap in the sequence is no gap', 'kafka-short-lived'],
]
const MAX_SEEDS = 10

test('the same seed is the same run, byte for byte', async () => {
  const first = await runSeed(5, { seconds: SECONDS })
  const again = await runSeed(5, { seconds: SECONDS })
  assert.equal(again.traceHash, first.traceHash)
  assert.equal(again.steps, first.steps)
})

test('another seed, and another variation of a seed, is another run', async () => {
  const steps = 5_000
  const { traceHash } = await runSeed(5, { steps })
  assert.notEqual(traceHash, (await runSeed(6, { steps })).traceHash)
  assert.notEqual(traceHash, (await runSeed(5, { steps, variation: 1 })).traceHash)
})

test('a run that does not come to an end fails', async () => {
  const { violations } = await runSeed(5, { seconds: SECONDS, maxSteps: 2_000 })
  assert.match(violations.join(), /did not come to an end within 2000 happenings/)
})

for (const seed of SEEDS) {
  test(`seed ${seed} finds nothing`, async () => {
    const { violations } = await runSeed(seed, { seconds: SECONDS })
    assert.deepEqual(violations, [], `npm run sim -- --seed ${seed} --seconds ${SECONDS}`)
  })
}

for (const { was, replay } of KNOWN_SEEDS.filter(({ undone }) => undone === 'fails')) {
  test(`no more: ${was}`, async () => {
    const { violations } = await runSeed(replay.seed, { ...replay, faults: parseFaults(replay.faults) })
    assert.deepEqual(violations, [])
  })
}

for (const [plant, workload] of PLANTED) {
  test(`it is found when ${plant}`, async () => {
    const planted = PLANTED_FAULTS[plant]
    assert.ok(planted !== undefined)
    let found = 0
    for (let seed = 1; seed <= MAX_SEEDS && found === 0; seed++) {
      found = (await runSeed(seed, { seconds: SECONDS, planted, workloads: [workload] })).violations.length
    }
    assert.ok(found > 0, `"${plant}" was not found within ${MAX_SEEDS} seeds`)
  })
}
