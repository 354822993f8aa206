import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLANTED_FAULTS } from '../simulation/planted/index.ts'
import { runSeed } from '../simulation/run-seed.ts'

/** A few short runs for every change; `npm run sim` has the long ones. */
const SECONDS = 3
/** Seeds that failed once, each for a fault that is mended: see docs/internals/simulation.md. */
const SEEDS = [133, 3, 7, 8]
const PLANTED = 'acknowledges before the commit'
const MAX_SEEDS = 10

test('the same seed is the same run, byte for byte', async () => {
  const first = await runSeed(5, { seconds: SECONDS })
  const again = await runSeed(5, { seconds: SECONDS })
  assert.equal(again.traceHash, first.traceHash)
  assert.equal(again.steps, first.steps)
})

test('another seed is another run', async () => {
  const steps = 5_000
  assert.notEqual((await runSeed(5, { steps })).traceHash, (await runSeed(6, { steps })).traceHash)
})

for (const seed of SEEDS) {
  test(`seed ${seed} finds nothing`, async () => {
    const { violations } = await runSeed(seed, { seconds: SECONDS })
    assert.deepEqual(violations, [], `npm run sim -- --seed ${seed} --seconds ${SECONDS}`)
  })
}

test('a planted fault is found', async () => {
  const planted = PLANTED_FAULTS[PLANTED]
  assert.ok(planted !== undefined)
  let found = 0
  for (let seed = 1; seed <= MAX_SEEDS && found === 0; seed++) found = (await runSeed(seed, { seconds: SECONDS, planted })).violations.length
  assert.ok(found > 0, `"${PLANTED}" was not found within ${MAX_SEEDS} seeds`)
})
