import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { failureOf } from '../fuzz/lib/failure.ts'
import { loadFinds } from '../fuzz/lib/finds.ts'
import { runSeed } from '../fuzz/lib/run.ts'
import { TARGETS } from '../fuzz/targets/index.ts'

/** The same seeds in every run, about half a second of each target: this is a gate. `npm run fuzz -- --for SECONDS` searches. */
const SEEDS = 40
const SEEDS_OF_SLOW_ONES: { readonly [target: string]: number } = { store: 12, 'table-store': 8, 'kafka-broker': 8, 'mqtt-broker': 6 }

suite('what fuzzing once found stays mended', () => {
  for (const find of loadFinds()) {
    test(`${find.target}: ${find.name}`, async () => {
      const target = TARGETS.find(({ name }) => name === find.target)
      assert.ok(target !== undefined, `there is no target ${find.target}`)
      assert.equal(await failureOf(target, find.meta, find.parts, false), null)
    })
  }
})

suite('a little fuzzing of everything', () => {
  for (const target of TARGETS) {
    test(`${target.name}: ${target.about}`, async () => {
      for (let seed = 1; seed <= (SEEDS_OF_SLOW_ONES[target.name] ?? SEEDS); seed++) {
        const { findings } = await runSeed(target, seed)
        assert.deepEqual(
          findings.map(({ message }) => message),
          [],
          `npm run fuzz -- --target ${target.name} --seed ${seed}`,
        )
      }
    })
  }
})
