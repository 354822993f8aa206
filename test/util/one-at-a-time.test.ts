import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OneAtATime } from '../../src/util/one-at-a-time.ts'

test('work runs one after the other, also after one that failed', async () => {
  const turns = new OneAtATime(3)
  const done: string[] = []
  const first = Promise.withResolvers<void>()
  const runs = [
    turns.run(async () => {
      await first.promise
      done.push('first')
    }),
    turns.run(async () => {
      done.push('second')
      throw new Error('second')
    }),
    turns.run(async () => {
      done.push('third')
      return 3
    }),
  ] as const
  assert.equal(turns.isFull, true)
  assert.deepEqual(done, [])
  first.resolve()
  await assert.rejects(runs[1], /second/)
  assert.equal(await runs[2], 3)
  assert.deepEqual(done, ['first', 'second', 'third'])
  assert.equal(turns.isFull, false)
})
