import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { failureOf } from '../fuzz/lib/failure.ts'
import { loadFinds } from '../fuzz/lib/finds.ts'
import { runSeed } from '../fuzz/lib/run.ts'
import { TARGETS } from '../fuzz/targets/index.ts'

/** What a target may take here; `npm run fuzz` has all the time. */
const MS_PER_TARGET = 400
const SEEDS_PER_TARGET = 60

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
      const first = 1_000_000 + (process.pid % 1000) * 1000
      const began = performance.now()
      for (let seed = first; seed < first + SEEDS_PER_TARGET && performance.now() - began < MS_PER_TARGET; seed++) {
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
