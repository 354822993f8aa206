import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorOf, protocol, World } from './support/world.ts'

const world = (settings = {}) => new World(settings).open()

test('an empty group id is refused', async () => {
  assert.equal(errorOf((await world()).join({ groupId: '' })), 'INVALID_GROUP_ID')
})

test('a session timeout outside 6 s to 30 min is refused', async () => {
  const it = await world()
  assert.equal(errorOf(it.join({ sessionTimeoutMs: 5_999 })), 'INVALID_SESSION_TIMEOUT')
  assert.equal(errorOf(it.join({ sessionTimeoutMs: 1_800_001 })), 'INVALID_SESSION_TIMEOUT')
  assert.equal(it.groups.groupCount, 0)
})

test('a new group needs a protocol type and a protocol, and none is made without', async () => {
  const it = await world()
  assert.equal(errorOf(it.join({ protocols: [] })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(it.join({ protocolType: '' })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(it.state(), 'none')
})

test('a member id of a group that is not there is unknown', async () => {
  const { result } = (await world()).join({ memberId: 'm' })
  assert.equal(result?.error?.name, 'UNKNOWN_MEMBER_ID')
  assert.equal(result?.memberId, 'm')
})

test('a member id that a group does not know is unknown', async () => {
  const it = await world()
  it.stable({})
  assert.equal(errorOf(it.join({ memberId: 'm' })), 'UNKNOWN_MEMBER_ID')
})

test('KIP-394: a dynamic member without id is given one and must come back with it', async () => {
  const it = await world()
  const first = it.join({ requiresKnownMemberId: true, clientId: 'app' })
  assert.equal(errorOf(first), 'MEMBER_ID_REQUIRED')
  assert.match(first.result?.memberId ?? '', /^app-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(it.state(), 'Empty')
  const second = it.join({ requiresKnownMemberId: true, memberId: first.result?.memberId ?? '' })
  it.clock.advance(0)
  assert.equal(errorOf(second), 'NONE')
  assert.equal(second.result?.generation, 1)
})

test('KIP-394: an id that is not used within the session timeout is forgotten', async () => {
  const it = await world()
  const { result } = it.join({ requiresKnownMemberId: true, sessionTimeoutMs: 6_000 })
  it.clock.advance(6_000)
  assert.equal(errorOf(it.join({ memberId: result?.memberId ?? '' })), 'UNKNOWN_MEMBER_ID')
})

test('a rebalance waits for members that were given an id', async () => {
  const it = await world()
  const [leader] = it.stable({})
  const pending = it.join({ requiresKnownMemberId: true, sessionTimeoutMs: 6_000 })
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  assert.equal(errorOf(rejoined), 'waiting')
  const joined = it.join({ memberId: pending.result?.memberId ?? '' })
  assert.equal(errorOf(rejoined), 'NONE')
  assert.equal(errorOf(joined), 'NONE')
  assert.equal(rejoined.result?.members.length, 2)
})

test('a rebalance no longer waits for an expected member whose time is over', async () => {
  const it = await world()
  const [leader] = it.stable({})
  it.join({ requiresKnownMemberId: true, sessionTimeoutMs: 6_000 })
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  it.clock.advance(6_000)
  assert.equal(errorOf(rejoined), 'NONE')
})

test('the first member leads and alone gets the list of members', async () => {
  const it = await world()
  const first = it.join({ protocols: [protocol('range', ['t'], 'one')] })
  const second = it.join({ protocols: [protocol('range', ['t'], 'two')] })
  it.clock.advance(0)
  assert.equal(first.result?.leader, first.result?.memberId)
  assert.equal(second.result?.leader, first.result?.memberId)
  assert.deepEqual(second.result?.members, [])
  assert.deepEqual(
    first.result?.members.map(({ memberId, metadata }) => [memberId, Buffer.from(metadata)]),
    [
      [first.result?.memberId, protocol('range', ['t'], 'one').metadata],
      [second.result?.memberId, protocol('range', ['t'], 'two').metadata],
    ],
  )
})

test('the protocol with most votes among those all support is elected', async () => {
  const it = await world()
  const names = (...list: string[]) => list.map((name) => protocol(name, ['t']))
  const first = it.join({ protocols: names('range', 'roundrobin', 'sticky') })
  it.join({ protocols: names('sticky', 'roundrobin') })
  it.join({ protocols: names('sticky', 'roundrobin', 'own') })
  it.clock.advance(0)
  assert.equal(first.result?.protocolName, 'sticky')
  assert.equal(first.result?.protocolType, 'consumer')
})

test('a member that supports no common protocol, or is of another type, is refused', async () => {
  const it = await world()
  it.stable({})
  assert.equal(errorOf(it.join({ protocols: [protocol('sticky', ['t'])] })), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(errorOf(it.join({ protocolType: 'connect' })), 'INCONSISTENT_GROUP_PROTOCOL')
})

test('with the default initial delay of 0 a single member is in at once', async () => {
  const it = await world()
  const joined = it.join()
  it.clock.advance(0)
  assert.equal(errorOf(joined), 'NONE')
})

test('the initial delay is extended while new members keep coming, up to the rebalance timeout', async () => {
  const it = await world({ initialRebalanceDelayMs: 3_000 })
  const first = it.join({ rebalanceTimeoutMs: 7_000 })
  it.clock.advance(2_000)
  it.join({ rebalanceTimeoutMs: 7_000 })
  it.clock.advance(2_000)
  it.join({ rebalanceTimeoutMs: 7_000 })
  it.clock.advance(2_500)
  it.join({ rebalanceTimeoutMs: 7_000 })
  it.clock.advance(499)
  assert.equal(errorOf(first), 'waiting')
  it.clock.advance(1)
  assert.equal(errorOf(first), 'NONE')
  assert.equal(first.result?.members.length, 4)
})

test('the initial delay is not extended where nobody else came', async () => {
  const it = await world({ initialRebalanceDelayMs: 3_000 })
  const first = it.join()
  it.clock.advance(3_000)
  assert.equal(errorOf(first), 'NONE')
})

test('a second member makes the first rejoin, and both get the next generation', async () => {
  const it = await world()
  const [leader] = it.stable({})
  const second = it.join()
  assert.equal(it.state(), 'PreparingRebalance')
  assert.equal(it.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  assert.equal(rejoined.result?.generation, 2)
  assert.equal(second.result?.generation, 2)
  assert.equal(second.result?.leader, leader?.memberId)
})

test('members that do not rejoin within the longest rebalance timeout are out', async () => {
  const it = await world()
  const [leader, other] = it.stable({ rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 }, { rebalanceTimeoutMs: 30_000, sessionTimeoutMs: 60_000 })
  const third = it.join({ rebalanceTimeoutMs: 1_000 })
  const rejoined = it.join({ memberId: other?.memberId ?? '', rebalanceTimeoutMs: 30_000 })
  it.clock.advance(29_999)
  assert.equal(errorOf(third), 'waiting')
  it.clock.advance(1)
  assert.equal(rejoined.result?.members.length, 2)
  assert.equal(third.result?.leader, other?.memberId)
  assert.equal(it.heartbeat(leader), 'UNKNOWN_MEMBER_ID')
})

test('a parked JoinGroup keeps its member alive beyond the session timeout', async () => {
  const it = await world()
  const [leader, other] = it.stable({}, { sessionTimeoutMs: 60_000 })
  const rejoined = it.join({ memberId: leader?.memberId ?? '', sessionTimeoutMs: 6_000 })
  it.clock.advance(50_000)
  assert.equal(errorOf(rejoined), 'waiting')
  it.join({ memberId: other?.memberId ?? '' })
  assert.equal(errorOf(rejoined), 'NONE')
})

test('a new member whose first JoinGroup is parked for five minutes is taken for dead', async () => {
  const it = await world()
  const [leader] = it.stable({ rebalanceTimeoutMs: 1_000_000, sessionTimeoutMs: 1_000_000 })
  const second = it.join({ rebalanceTimeoutMs: 1_000_000 })
  it.clock.advance(299_999)
  assert.equal(errorOf(second), 'waiting')
  it.clock.advance(1)
  assert.equal(errorOf(second), 'UNKNOWN_MEMBER_ID')
  assert.equal(it.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
})

test('in Stable the leader rejoins to force a rebalance', async () => {
  const it = await world()
  const [leader, follower] = it.stable({}, {})
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  assert.equal(errorOf(rejoined), 'waiting')
  assert.equal(it.heartbeat(follower), 'REBALANCE_IN_PROGRESS')
})

test('in Stable a follower that rejoins unchanged gets the current generation', async () => {
  const it = await world()
  const [, follower] = it.stable({}, {})
  const again = it.join({ memberId: follower?.memberId ?? '' })
  assert.equal(again.result?.generation, 1)
  assert.equal(it.state(), 'Stable')
})

test('in Stable a follower that rejoins with other metadata starts a rebalance (cooperative rebalances do so)', async () => {
  const it = await world()
  const [, follower] = it.stable({}, {})
  assert.equal(errorOf(it.join({ memberId: follower?.memberId ?? '', protocols: [protocol('range', ['t'], 'owned: 1')] })), 'waiting')
  assert.equal(it.state(), 'PreparingRebalance')
})

test('in CompletingRebalance a member that rejoins unchanged lost the answer and gets it again', async () => {
  const it = await world()
  const first = it.join()
  const second = it.join()
  it.clock.advance(0)
  const again = it.join({ memberId: first.result?.memberId ?? '' })
  assert.equal(again.result?.generation, 1)
  assert.equal(again.result?.members.length, 2)
  assert.equal(it.join({ memberId: second.result?.memberId ?? '' }).result?.members.length, 0)
  assert.equal(it.state(), 'CompletingRebalance')
})

test('in CompletingRebalance a member that rejoins changed starts another rebalance, and who waits for an assignment is told', async () => {
  const it = await world()
  const first = it.join()
  const second = it.join()
  it.clock.advance(0)
  const waiting = it.sync(second.result)
  const again = it.join({ memberId: first.result?.memberId ?? '', protocols: [protocol('range', ['t', 'u'])] })
  assert.equal(errorOf(waiting), 'REBALANCE_IN_PROGRESS')
  assert.equal(errorOf(again), 'waiting')
  it.join({ memberId: second.result?.memberId ?? '' })
  assert.equal(again.result?.generation, 2)
})

test('a JoinGroup sent again while the first is parked takes its place, and the first is answered', async () => {
  const it = await world()
  const [leader] = it.stable({}, {})
  const first = it.join({ memberId: leader?.memberId ?? '' })
  const second = it.join({ memberId: leader?.memberId ?? '' })
  assert.equal(errorOf(first), 'REBALANCE_IN_PROGRESS')
  assert.equal(errorOf(second), 'waiting')
})

test('group.max.size holds for new members in Stable', async () => {
  const it = await world({ maxSize: 2 })
  it.stable({}, {})
  const third = it.join()
  assert.equal(errorOf(third), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(third.result?.memberId, '')
})

test('group.max.size in a rebalance lets in who comes first', async () => {
  const it = await world({ maxSize: 2 })
  const [first, second] = it.stable({}, {})
  const one = it.join({ memberId: first?.memberId ?? '' })
  const two = it.join()
  assert.equal(errorOf(it.join({ memberId: second?.memberId ?? '' })), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOf(one), 'NONE')
  assert.equal(errorOf(two), 'NONE')
})

test('a group over a lowered group.max.size rebalances when it is loaded', async () => {
  const it = await world()
  const [first, second] = it.stable({}, {})
  it.log.crash()
  const next = await new World({ maxSize: 1 }, it.log.durable, it.clock).open()
  assert.equal(next.state(), 'PreparingRebalance')
  assert.equal(errorOf(next.join({ memberId: first?.memberId ?? '' })), 'waiting')
  assert.equal(errorOf(next.join({ memberId: second?.memberId ?? '' })), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(next.state(), 'CompletingRebalance')
})

test('ids given out to members that never come are bounded', async () => {
  const it = await world({ maxPendingMembers: 2 })
  assert.equal(errorOf(it.join({ requiresKnownMemberId: true })), 'MEMBER_ID_REQUIRED')
  assert.equal(errorOf(it.join({ requiresKnownMemberId: true })), 'MEMBER_ID_REQUIRED')
  assert.equal(errorOf(it.join({ requiresKnownMemberId: true })), 'GROUP_MAX_SIZE_REACHED')
})

test('the number of groups is bounded', async () => {
  const it = await world({ maxGroups: 1 })
  it.stable({})
  assert.equal(errorOf(it.join({ groupId: 'h' })), 'POLICY_VIOLATION')
})

test('what the members of a group say of themselves is bounded by what can be saved', async () => {
  const it = await world({ maxStateBytes: 300 })
  const [first] = it.stable({ protocols: [protocol('range', ['t'], 'x'.repeat(100))] })
  assert.equal(errorOf(it.join({ protocols: [protocol('range', ['t'], 'y'.repeat(200))] })), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOf(it.join({ memberId: first?.memberId ?? '', protocols: [protocol('range', ['t'], 'z'.repeat(200))] })), 'NONE')
})

test('a member that outgrows the bound is out, and the others rebalance', async () => {
  const it = await world({ maxStateBytes: 300 })
  const [first, second] = it.stable({}, {})
  assert.equal(
    errorOf(it.join({ memberId: second?.memberId ?? '', protocols: [protocol('range', ['t'], 'z'.repeat(250)), protocol('own', ['t'], 'z'.repeat(250))] })),
    'GROUP_MAX_SIZE_REACHED',
  )
  assert.equal(it.heartbeat(first), 'REBALANCE_IN_PROGRESS')
})

test('a static member comes back into a full group', async () => {
  const it = await world({ maxSize: 2 })
  it.stable({}, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  it.log.commit()
  assert.equal(errorOf(back), 'NONE')
})
