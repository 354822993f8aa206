import assert from 'node:assert/strict'
import test from 'node:test'
import { simulateCrashes } from './crash-simulation.ts'

/** Other seeds: SEED=4711 npx node --test test/log/crash.test.ts */
const FIRST_SEED = Number(process.env.SEED ?? 1)
const LIVES = 100
const CRASHES_EACH = 10

test('1,000 crashes lose nothing acknowledged, leave no gap and no offset with two values', async (t) => {
  const total = { crashes: 0, appends: 0, acknowledged: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + LIVES; seed++) {
    const tally = await simulateCrashes({ seed, crashes: CRASHES_EACH })
    total.crashes += tally.crashes
    total.appends += tally.appends
    total.acknowledged += tally.acknowledged
  }
  t.diagnostic(`seeds from ${FIRST_SEED}: ${JSON.stringify(total)}`)
  assert.equal(total.crashes, 1000)
  assert.ok(total.acknowledged > 5_000)
})

for (const [what, faults] of [
  ['does not sync', { liesAboutSync: true }],
  ['answers before it synced', { answersBeforeSync: true }],
] as const) {
  test(`the same check fails on a disk that ${what}`, async () => {
    let found = 0
    for (let seed = 1; seed <= 10; seed++) {
      await simulateCrashes({ seed, crashes: 10, faults }).catch(() => found++)
    }
    assert.ok(found >= 8, `only ${found} of 10 histories were found out`)
  })
}
