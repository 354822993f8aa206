import assert from 'node:assert/strict'
import test from 'node:test'
import { playCompaction } from './compaction-history.ts'

/** Other seeds: SEED=4711 npx node --test test/log/compaction/compaction-crash.test.ts */
const FIRST_SEED = Number(process.env.SEED ?? 1)
const HISTORIES = Number(process.env.HISTORIES ?? 12)
const CRASHES_EACH = 8

test('whatever fails, and whenever: the last record of each key is there, and what was deleted stays so', async (t) => {
  const total = { crashes: 0, appends: 0, cleanings: 0, gone: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
    const tally = await playCompaction({ seed, crashes: CRASHES_EACH })
    total.crashes += tally.crashes
    total.appends += tally.appends
    total.cleanings += tally.cleanings
    total.gone += tally.gone
  }
  t.diagnostic(`seeds from ${FIRST_SEED}: ${JSON.stringify(total)}`)
  assert.equal(total.crashes, HISTORIES * CRASHES_EACH)
  assert.ok(total.cleanings > HISTORIES && total.gone > 0)
})

test('the same check fails on a disk that does not sync', async () => {
  let found = 0
  for (let seed = 1; seed <= 6; seed++) await playCompaction({ seed, crashes: CRASHES_EACH, faults: { liesAboutSync: true } }).catch(() => found++)
  assert.ok(found >= 5, `only ${found} of 6 histories were found out`)
})
