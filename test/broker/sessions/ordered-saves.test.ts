import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OrderedSaves } from '../../../src/broker/sessions/ordered-saves.ts'
import { SessionJournal } from '../../../src/broker/sessions/session-journal.ts'
import { STATE_KINDS } from '../../../src/broker/state-kinds.ts'
import type { AppendGroup } from '../../../src/log/ports.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { HeldLog } from './support/held-log.ts'

test('however many saves a failed disk refuses, one timer waits to try them again', () => {
  const { clock, disk, add, durable } = begin()
  disk.failing = true
  for (let i = 0; i < 100; i++) {
    add(`${i}`)
    clock.advance(5)
  }
  assert.equal(clock.pendingTimers, 1)
  disk.failing = false
  clock.advance(1000)
  assert.deepEqual(
    durable,
    Array.from({ length: 100 }, (_, i) => `${i}`),
  )
  assert.equal(clock.pendingTimers, 0)
})

test('what is saved behind what was refused goes on after it', () => {
  const { clock, disk, add, durable } = begin()
  disk.failing = true
  add('first')
  clock.advance(10)
  disk.failing = false
  add('second')
  clock.advance(10)
  assert.deepEqual(durable, [])
  clock.advance(1000)
  assert.deepEqual(durable, ['first', 'second'])
})

test('a closed session waits for nothing', () => {
  const { clock, disk, add, saves, durable } = begin()
  disk.failing = true
  add('first')
  clock.advance(10)
  add('second')
  saves.close()
  clock.advance(10)
  assert.equal(clock.pendingTimers, 0)
  disk.failing = false
  clock.advance(2000)
  assert.deepEqual(durable, [])
})

function begin() {
  const clock = new ManualClock()
  const disk = { failing: false }
  const log = new HeldLog()
  log.append = ({ onDone }: AppendGroup) => clock.endOfTurn(() => onDone(disk.failing ? { code: 'storage-error', message: 'EIO' } : null))
  const journal = new SessionJournal(
    log,
    clock,
    50,
    () => {},
    () => {},
  )
  const saves = new OrderedSaves(journal, clock)
  const durable: string[] = []
  const add = (key: string): void => {
    saves.add(
      () => ({ kind: STATE_KINDS.sessionAck, key, value: null }),
      () => durable.push(key),
    )
    clock.settle()
  }
  return { clock, disk, saves, durable, add }
}
