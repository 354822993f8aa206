import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitErrorOf, errorOf, protocol, textOf, World } from './support/world.ts'

const world = (settings = {}) => new World(settings).open()

test('a static member needs no second JoinGroup, and its id begins with its instance id', async () => {
  const it = await world()
  const joined = it.join({ instanceId: 'i', requiresKnownMemberId: true })
  it.clock.advance(0)
  assert.equal(errorOf(joined), 'NONE')
  assert.match(joined.result?.memberId ?? '', /^i-[0-9a-f-]{36}$/)
})

test('a static follower that comes back in Stable gets the current generation without a rebalance, once that is durable', async () => {
  const it = await world()
  const [leader, old] = it.stable({}, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  assert.equal(errorOf(back), 'waiting')
  it.log.commit()
  assert.equal(back.result?.generation, 1)
  assert.notEqual(back.result?.memberId, old?.memberId)
  assert.equal(it.heartbeat(leader), 'NONE')
  assert.equal(textOf(it.sync(back.result, {}, { instanceId: 'i' }).result), 'p1')
})

test('the id it had before is fenced in every request', async () => {
  const it = await world()
  const [, old] = it.stable({}, { instanceId: 'i' })
  it.join({ instanceId: 'i' })
  it.log.commit()
  assert.equal(it.heartbeat(old, { instanceId: 'i' }), 'FENCED_INSTANCE_ID')
  assert.equal(errorOf(it.sync(old, {}, { instanceId: 'i' })), 'FENCED_INSTANCE_ID')
  assert.equal(errorOf(it.join({ memberId: old?.memberId ?? '', instanceId: 'i' })), 'FENCED_INSTANCE_ID')
  assert.equal(commitErrorOf(it.commit({ ...(old ? { by: old } : {}), instanceId: 'i', offset: 1 })), 'FENCED_INSTANCE_ID')
  assert.equal(it.heartbeat(old), 'UNKNOWN_MEMBER_ID')
})

test('KIP-814: a static leader that comes back gets the members and is told to leave the assignment alone', async () => {
  const it = await world()
  it.stable({ instanceId: 'i' }, {})
  const back = it.join({ instanceId: 'i', canSkipAssignment: true })
  it.log.commit()
  assert.equal(back.result?.skipAssignment, true)
  assert.equal(back.result?.leader, back.result?.memberId)
  assert.equal(back.result?.members.length, 2)
})

test('before v9 a static leader that comes back is told that its old id leads, so that it does not assign', async () => {
  const it = await world()
  const [old] = it.stable({ instanceId: 'i' }, {})
  const back = it.join({ instanceId: 'i' })
  it.log.commit()
  assert.equal(back.result?.leader, old?.memberId)
  assert.deepEqual(back.result?.members, [])
  assert.equal(back.result?.skipAssignment, false)
})

test('KIP-814: a static follower is not told to skip', async () => {
  const it = await world()
  it.stable({}, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i', canSkipAssignment: true })
  it.log.commit()
  assert.equal(back.result?.skipAssignment, false)
})

test('a static member that comes back with other protocols that change the election starts a rebalance', async () => {
  const it = await world()
  const both = [protocol('range', ['t']), protocol('sticky', ['t'])]
  const [leader] = it.stable({ protocols: both }, { instanceId: 'i', protocols: both })
  const back = it.join({ instanceId: 'i', protocols: [protocol('sticky', ['t'])] })
  assert.equal(errorOf(back), 'waiting')
  assert.equal(it.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
})

test('a static member that comes back while an assignment is awaited starts another rebalance', async () => {
  const it = await world()
  const first = it.join()
  const second = it.join({ instanceId: 'i' })
  it.clock.advance(0)
  const waiting = it.sync(second.result, {}, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  assert.equal(errorOf(waiting), 'FENCED_INSTANCE_ID')
  assert.equal(it.state(), 'PreparingRebalance')
  const again = it.join({ memberId: first.result?.memberId ?? '' })
  assert.equal(again.result?.generation, 2)
  assert.equal(back.result?.generation, 2)
})

test('a static member that comes back in a rebalance fences its parked predecessor and counts as joined', async () => {
  const it = await world()
  const [leader, old, third] = it.stable({}, { instanceId: 'i' }, {})
  it.join({ memberId: leader?.memberId ?? '' })
  const parked = it.join({ memberId: old?.memberId ?? '', instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  assert.equal(errorOf(parked), 'FENCED_INSTANCE_ID')
  assert.equal(errorOf(back), 'waiting')
  it.join({ memberId: third?.memberId ?? '' })
  assert.equal(back.result?.generation, 2)
})

test('static members that stay away are kept until their sessions end', async () => {
  const it = await world()
  const [leader, fixed] = it.stable({ rebalanceTimeoutMs: 5_000 }, { instanceId: 'i', rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 60_000 })
  const rejoined = it.join({ memberId: leader?.memberId ?? '', rebalanceTimeoutMs: 5_000 })
  it.clock.advance(5_000)
  assert.equal(rejoined.result?.generation, 2)
  assert.deepEqual(
    rejoined.result?.members.map(({ memberId, instanceId }) => [memberId, instanceId]),
    [
      [leader?.memberId, null],
      [fixed?.memberId, 'i'],
    ],
  )
})

test('a leader that stays away although it is static loses the lead', async () => {
  const it = await world()
  const [fixed, other] = it.stable({ instanceId: 'i', rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 60_000 }, { rebalanceTimeoutMs: 5_000 })
  const rejoined = it.join({ memberId: other?.memberId ?? '', rebalanceTimeoutMs: 5_000, protocols: [protocol('range', ['t'], 'x')] })
  it.clock.advance(5_000)
  assert.equal(rejoined.result?.leader, other?.memberId)
  assert.equal(it.heartbeat(fixed, { instanceId: 'i' }), 'ILLEGAL_GENERATION')
})

test('a group of static members none of which rejoins waits until their sessions end', async () => {
  const it = await world()
  it.stable({ instanceId: 'i', rebalanceTimeoutMs: 2_000, sessionTimeoutMs: 6_000 }, { instanceId: 'j', rebalanceTimeoutMs: 2_000, sessionTimeoutMs: 60_000 })
  it.clock.advance(6_000)
  assert.equal(it.state(), 'PreparingRebalance')
  it.clock.advance(2_000)
  assert.equal(it.state(), 'PreparingRebalance')
  it.clock.advance(60_000)
  assert.equal(it.state(), 'Empty')
})

test('a replacement that was parked for longer than its session has a new one after the answer', async () => {
  const it = await world()
  const [leader] = it.stable({ sessionTimeoutMs: 60_000 }, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  it.clock.advance(15_000)
  it.log.commit()
  assert.equal(errorOf(back), 'NONE')
  it.clock.advance(10_000)
  assert.equal(it.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
})

test('a replacement that the disk refuses is undone', async () => {
  const it = await world()
  const [leader, old] = it.stable({}, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  it.log.fail()
  assert.equal(errorOf(back), 'NOT_COORDINATOR')
  assert.equal(it.heartbeat(old, { instanceId: 'i' }), 'NONE')
  assert.equal(it.heartbeat(leader), 'NONE')
  assert.equal(textOf(it.sync(old, {}, { instanceId: 'i' }).result), 'p1')
})

test('a replacement whose commit comes after the next rebalance began is answered by that rebalance', async () => {
  const it = await world()
  const [leader] = it.stable({}, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  assert.equal(rejoined.result?.generation, 2)
  assert.equal(back.result?.generation, 2)
  it.log.commit()
  assert.equal(it.state(), 'CompletingRebalance')
})

test('a replacement whose commit comes while the next rebalance waits for others stays parked', async () => {
  const it = await world()
  const [leader] = it.stable({}, { instanceId: 'i' }, {})
  const back = it.join({ instanceId: 'i' })
  it.join({ memberId: leader?.memberId ?? '' })
  it.log.commit()
  assert.equal(errorOf(back), 'waiting')
})

test('another claim on a fresh static member while the first is being saved fences the first', async () => {
  const it = await world()
  it.stable({}, { instanceId: 'i' })
  const one = it.join({ instanceId: 'i' })
  const two = it.join({ instanceId: 'i' })
  assert.equal(errorOf(one), 'FENCED_INSTANCE_ID')
  it.log.commit()
  assert.equal(errorOf(two), 'NONE')
})

test('a claim with an instance id that nobody holds is 25', async () => {
  const it = await world()
  const [leader] = it.stable({})
  assert.equal(it.heartbeat(leader, { instanceId: 'i' }), 'UNKNOWN_MEMBER_ID')
})
