import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_PACKET_ID, PacketIds } from '../../../src/broker/sessions/packet-ids.ts'

const free = () => false
const never = () => assert.fail('nothing waits')

test('ids rise from 1 and go around at 65,535, leaving out those in use', () => {
  const ids = new PacketIds(null, 1)
  assert.equal(ids.take(free, never), 1)
  assert.equal(
    ids.take((id) => id < 10, never),
    10,
  )
  for (let id = 11; id <= MAX_PACKET_ID; id++) assert.equal(ids.take(free, never), id)
  assert.equal(ids.take(free, never), 1)
})

test('a range is reserved before it is used up, and ids wait for a reservation that is late', () => {
  const reserved: { floor: number; onDurable: () => void }[] = []
  const ids = new PacketIds({ step: 4, reserve: (floor, onDurable) => reserved.push({ floor, onDurable }) }, 1)
  let woken = 0
  const take = () => ids.take(free, () => woken++)
  assert.equal(ids.floor, 5)
  assert.deepEqual([take(), take(), take()], [1, 2, 3])
  assert.equal(reserved.length, 0)
  assert.equal(take(), 4)
  assert.deepEqual(
    reserved.map(({ floor }) => floor),
    [9],
  )
  assert.equal(take(), 0, 'the range is used up')
  assert.equal(reserved.length, 1, 'one reservation at a time')
  reserved[0]?.onDurable()
  assert.equal(woken, 1)
  assert.equal(take(), 5)
})

test('after a restart ids go on behind everything that was reserved', () => {
  const ids = new PacketIds({ step: 4, reserve: () => {} }, 9)
  assert.equal(ids.take(free, never), 9)
  assert.equal(ids.floor, 13)
})

test('reservations go around too', () => {
  const reserved: number[] = []
  const ids = new PacketIds(
    {
      step: 10,
      reserve: (floor, onDurable) => {
        reserved.push(floor)
        onDurable()
      },
    },
    MAX_PACKET_ID - 2,
  )
  const taken = Array.from({ length: 12 }, () => ids.take(free, never))
  assert.deepEqual(taken, [65_533, 65_534, 65_535, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual(reserved, [18])
})
