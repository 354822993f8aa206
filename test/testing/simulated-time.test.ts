import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedTime } from '../../src/testing/simulated-time.ts'

test('a shorter pause within a longer one lets nothing overtake what waits already', async () => {
  const time = new SimulatedTime({ turnMs: () => 0, onCrash: (_, error) => assert.fail(String(error)) })
  const process = time.process('paused')
  const came: string[] = []
  process.pause(100)
  time.after(1, process, () => came.push(`bytes at ${time.nowMs}`))
  time.after(2, null, () => process.pause(10))
  time.after(50, process, () => came.push(`more bytes at ${time.nowMs}`))
  process.after(20, () => came.push(`timer at ${time.nowMs}`))
  await time.run(200)
  assert.deepEqual(came, ['bytes at 100', 'more bytes at 100', 'timer at 100'])
})
