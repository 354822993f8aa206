import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JoinResult } from '../../../src/broker/groups/group-requests.ts'
import { errorOf, protocol, textOf, World } from './support/world.ts'

const world = (settings = {}) => new World(settings).open()

/** Two members that joined and did not sync. */
async function joinedPair(settings = {}): Promise<{ it: World; leader: JoinResult; follower: JoinResult }> {
  const it = await world(settings)
  const first = it.join()
  const second = it.join()
  it.clock.advance(0)
  return { it, leader: first.result as JoinResult, follower: second.result as JoinResult }
}

test('the assignment is given out once it is durable, not before', async () => {
  const { it, leader, follower } = await joinedPair()
  const early = it.sync(follower)
  const own = it.sync(leader, { [leader.memberId]: 'p0', [follower.memberId]: 'p1' })
  assert.equal(textOf(early.result), 'waiting')
  assert.equal(it.state(), 'CompletingRebalance')
  it.log.commit()
  assert.equal(textOf(early.result), 'p1')
  assert.equal(textOf(own.result), 'p0')
  assert.equal(it.state(), 'Stable')
})

test('in Stable SyncGroup answers the stored assignment', async () => {
  const { it, leader, follower } = await joinedPair()
  it.syncAll([leader, follower])
  assert.equal(textOf(it.sync(follower).result), 'p1')
  assert.equal(textOf(it.sync(follower).result), 'p1')
})

test('members that the leader left out get an empty assignment', async () => {
  const { it, leader, follower } = await joinedPair()
  const waiting = it.sync(follower)
  it.sync(leader, { [leader.memberId]: 'all' })
  it.log.commit()
  assert.equal(textOf(waiting.result), '')
})

test("an assignment that the disk refuses is nobody's, and the group rebalances", async () => {
  const { it, leader, follower } = await joinedPair()
  const waiting = it.sync(follower)
  const own = it.sync(leader, { [leader.memberId]: 'p0' })
  it.log.fail()
  assert.equal(textOf(waiting.result), 'NOT_COORDINATOR')
  assert.equal(textOf(own.result), 'NOT_COORDINATOR')
  assert.equal(it.state(), 'PreparingRebalance')
})

test('an assignment larger than the bound is refused as in Kafka', async () => {
  const { it, leader } = await joinedPair({ maxStateBytes: 1_000 })
  const own = it.sync(leader, { [leader.memberId]: 'x'.repeat(1_000) })
  it.clock.settle()
  assert.equal(textOf(own.result), 'UNKNOWN_SERVER_ERROR')
})

test("an assignment that becomes durable after the next rebalance began is nobody's", async () => {
  const { it, leader, follower } = await joinedPair()
  const own = it.sync(leader, { [leader.memberId]: 'old', [follower.memberId]: 'old' })
  it.join()
  assert.equal(textOf(own.result), 'REBALANCE_IN_PROGRESS')
  it.log.commit()
  assert.equal(it.state(), 'PreparingRebalance')
  const again = it.join({ memberId: leader.memberId })
  it.join({ memberId: follower.memberId })
  assert.equal(again.result?.generation, 2)
  assert.equal(textOf(it.sync({ ...follower, generation: 2 }).result), 'waiting')
})

test('an assignment that becomes durable when the next generation already waits for its own is not given out', async () => {
  const { it, leader, follower } = await joinedPair()
  it.sync(leader, { [leader.memberId]: 'old', [follower.memberId]: 'old' })
  const changed = [protocol('range', ['u'])]
  const again = it.join({ memberId: leader.memberId, protocols: changed })
  it.join({ memberId: follower.memberId, protocols: changed })
  assert.equal(again.result?.generation, 2)
  it.log.commit()
  assert.equal(it.state(), 'CompletingRebalance')
})

test('a wrong generation is 22, an unknown member 25, a group that is not there 25, an empty group id 24', async () => {
  const { it, leader } = await joinedPair()
  assert.equal(errorOf(it.sync({ ...leader, generation: 7 })), 'ILLEGAL_GENERATION')
  assert.equal(errorOf(it.sync({ ...leader, memberId: 'm' })), 'UNKNOWN_MEMBER_ID')
  assert.equal(errorOf(it.sync(leader, {}, { groupId: 'h' })), 'UNKNOWN_MEMBER_ID')
  assert.equal(errorOf(it.sync(leader, {}, { groupId: '' })), 'INVALID_GROUP_ID')
})

test("another protocol type or name than the group's is 23", async () => {
  const { it, leader } = await joinedPair()
  const request = { groupId: 'g', generation: 1, memberId: leader.memberId, instanceId: null, connection: null, assignments: [] }
  const errors: (string | undefined)[] = []
  it.groups.sync({ ...request, protocolType: 'connect', protocolName: 'range' }, ({ error }) => errors.push(error?.name))
  it.groups.sync({ ...request, protocolType: 'consumer', protocolName: 'sticky' }, ({ error }) => errors.push(error?.name))
  assert.deepEqual(errors, ['INCONSISTENT_GROUP_PROTOCOL', 'INCONSISTENT_GROUP_PROTOCOL'])
})

test('in PreparingRebalance SyncGroup is told to rejoin', async () => {
  const { it, leader, follower } = await joinedPair()
  it.syncAll([leader, follower])
  it.join()
  assert.equal(errorOf(it.sync(follower)), 'REBALANCE_IN_PROGRESS')
})

test('a member that never asks for its assignment is out after the rebalance timeout, though it heartbeats', async () => {
  const { it, leader, follower } = await joinedPair()
  const waiting = it.sync(follower)
  for (let s = 0; s < 60; s += 5) {
    assert.equal(it.heartbeat(leader), 'NONE')
    it.clock.advance(5_000)
  }
  assert.equal(textOf(waiting.result), 'REBALANCE_IN_PROGRESS')
  assert.equal(it.heartbeat(leader), 'UNKNOWN_MEMBER_ID')
  assert.equal(it.join({ memberId: follower.memberId }).result?.leader, follower.memberId)
})

test('in Stable too a follower that never syncs is out', async () => {
  const { it, leader, follower } = await joinedPair()
  it.sync(leader, { [leader.memberId]: 'p0', [follower.memberId]: 'p1' })
  it.log.commit()
  for (let s = 0; s < 60; s += 5) {
    it.heartbeat(leader)
    it.heartbeat(follower)
    it.clock.advance(5_000)
  }
  assert.equal(it.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
  assert.equal(it.heartbeat(follower), 'UNKNOWN_MEMBER_ID')
})

test('a parked SyncGroup keeps its member alive beyond the session timeout', async () => {
  const { it, leader, follower } = await joinedPair()
  const waiting = it.sync(follower)
  for (let s = 0; s < 40; s += 5) {
    it.heartbeat(leader)
    it.clock.advance(5_000)
  }
  it.sync(leader, { [follower.memberId]: 'p1' })
  it.log.commit()
  assert.equal(textOf(waiting.result), 'p1')
})

test('a member that was parked for longer than its session has a new one after the answer', async () => {
  const { it, leader, follower } = await joinedPair()
  it.sync(follower)
  it.heartbeat(leader)
  it.clock.advance(9_000)
  it.heartbeat(leader)
  it.clock.advance(9_000)
  it.sync(leader, { [follower.memberId]: 'p1' })
  it.log.commit()
  it.clock.advance(5_000)
  it.heartbeat(leader)
  it.clock.advance(4_999)
  assert.equal(it.heartbeat(leader), 'NONE')
  it.clock.advance(1)
  assert.equal(it.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
})

test('heartbeats are fine in CompletingRebalance and Stable', async () => {
  const { it, leader, follower } = await joinedPair()
  assert.equal(it.heartbeat(follower), 'NONE')
  it.syncAll([leader, follower])
  assert.equal(it.heartbeat(follower), 'NONE')
})

test('heartbeat checks the member before the generation', async () => {
  const { it, leader, follower } = await joinedPair()
  it.syncAll([leader, follower])
  assert.equal(it.heartbeat({ ...leader, memberId: 'm', generation: 9 }), 'UNKNOWN_MEMBER_ID')
  assert.equal(it.heartbeat({ ...leader, generation: 9 }), 'ILLEGAL_GENERATION')
  assert.equal(it.heartbeat(leader, { groupId: 'h' }), 'UNKNOWN_MEMBER_ID')
  assert.equal(it.heartbeat(leader, { groupId: '' }), 'INVALID_GROUP_ID')
})

test('a member that stops heartbeating is out after its session timeout, and the rest rebalance', async () => {
  const { it, leader, follower } = await joinedPair()
  it.syncAll([leader, follower])
  it.clock.advance(9_000)
  assert.equal(it.heartbeat(leader), 'NONE')
  it.clock.advance(999)
  assert.equal(it.heartbeat(leader), 'NONE')
  it.clock.advance(1)
  assert.equal(it.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
  const again = it.join({ memberId: leader.memberId })
  assert.equal(again.result?.members.length, 1)
  assert.equal(it.heartbeat(follower), 'UNKNOWN_MEMBER_ID')
})

test('an offset commit is a sign of life too', async () => {
  const { it, leader, follower } = await joinedPair()
  it.syncAll([leader, follower])
  for (let s = 0; s < 30; s += 5) {
    it.heartbeat(leader)
    it.commit({ by: follower, offset: s })
    it.clock.advance(5_000)
  }
  assert.equal(it.state(), 'Stable')
})

test('when the last member is gone the group is Empty, with a generation more', async () => {
  const { it, leader, follower } = await joinedPair()
  it.syncAll([leader, follower])
  it.clock.advance(10_000)
  assert.equal(it.state(), 'Empty')
  const next = it.join({ protocols: [protocol('sticky', ['u'])] })
  it.clock.advance(0)
  assert.equal(next.result?.generation, 3)
})

test('no timer is left when a group is empty', async () => {
  const { it, leader, follower } = await joinedPair()
  const before = (await world()).clock.pendingTimers
  it.syncAll([leader, follower])
  it.leave([leader, follower].map(({ memberId }) => ({ memberId, instanceId: null })))
  assert.equal(it.clock.pendingTimers, before)
})

test('the log says why a group rebalances', async () => {
  const { it, leader, follower } = await joinedPair()
  it.syncAll([leader, follower])
  it.clock.advance(9_000)
  it.heartbeat(leader)
  it.clock.advance(1_000)
  assert.deepEqual(it.lines, [
    `PreparingRebalance: member ${leader.memberId} joined`,
    'CompletingRebalance: all members joined, or had the time to',
    'Stable: the assignment is durable',
    `PreparingRebalance: the session of member ${follower.memberId} ended`,
  ])
})
