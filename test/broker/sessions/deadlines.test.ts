import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deadlines } from '../../../src/broker/sessions/deadlines.ts'
import { ManualClock } from './support/manual-clock.ts'

test('deadlines run in the order of their time, none early, with one timer', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  const start = clock.now()
  const ran: string[] = []
  for (const at of [500, 100, 900, 100, 300]) deadlines.at(start + at, () => ran.push(`${at}@${clock.now() - start}`))
  await clock.advance(99)
  assert.deepEqual(ran, [])
  await clock.advance(301)
  assert.deepEqual(ran, ['100@100', '100@100', '300@300'])
  await clock.advance(1000)
  assert.deepEqual(ran.slice(3), ['500@500', '900@900'])
})

test('a cancelled deadline does not run; one set while others run does', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  const start = clock.now()
  const ran: string[] = []
  const cancelled = deadlines.at(start + 10, () => ran.push('cancelled'))
  deadlines.at(start + 10, () => {
    ran.push('first')
    deadlines.at(start + 10, () => ran.push('second'))
    deadlines.at(start + 20, () => ran.push('third'))
  })
  cancelled.cancel()
  cancelled.cancel()
  await clock.advance(30)
  assert.deepEqual(ran, ['first', 'second', 'third'])
})

test('sessions that come and go leave no cancelled deadlines behind', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  const start = clock.now()
  let ran = 0
  for (let round = 0; round < 100_000; round++) deadlines.at(start + 86_400_000 + round, () => ran++).cancel()
  deadlines.at(start + 5, () => ran++)
  assert.ok(deadlines.size < 3000, `${deadlines.size} in the heap`)
  await clock.advance(10)
  assert.equal(ran, 1)
})

test('a wall clock that jumps ahead over a deadline makes it late by ten seconds at most', async () => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock)
  let ran = 0
  deadlines.at(clock.now() + 7_200_000, () => ran++)
  await clock.advance(1_000)
  clock.jump(7_200_000)
  await clock.advance(10_000)
  assert.equal(ran, 1)
})
