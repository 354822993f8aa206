import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorOf, TestConnection, World } from './support/world.ts'

const world = (settings = {}) => new World(settings).open()

function leave(it: World, ...members: (readonly [memberId: string, instanceId?: string])[]): string | string[] {
  return it.leave(members.map(([memberId, instanceId]) => ({ memberId, instanceId: instanceId ?? null }))).result ?? 'waiting'
}

test('a member that leaves makes the rest rebalance at once', async () => {
  const it = await world()
  const [leader, follower] = it.stable({}, {})
  assert.deepEqual(leave(it, [leader?.memberId ?? '']), ['NONE'])
  assert.equal(it.heartbeat(follower), 'REBALANCE_IN_PROGRESS')
  assert.equal(it.join({ memberId: follower?.memberId ?? '' }).result?.leader, follower?.memberId)
})

test('a member that leaves while others wait for it lets them go on', async () => {
  const it = await world()
  const [leader, follower] = it.stable({}, {})
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  leave(it, [follower?.memberId ?? ''])
  assert.equal(rejoined.result?.members.length, 1)
})

test('each member has its own error', async () => {
  const it = await world()
  const [leader] = it.stable({}, { instanceId: 'i' })
  assert.deepEqual(leave(it, ['m'], [leader?.memberId ?? ''], ['m', 'i'], ['', 'j'], ['']), [
    'UNKNOWN_MEMBER_ID',
    'NONE',
    'FENCED_INSTANCE_ID',
    'UNKNOWN_MEMBER_ID',
    'UNKNOWN_MEMBER_ID',
  ])
})

test('an administrator removes a static member by its instance id', async () => {
  const it = await world()
  const [, fixed] = it.stable({}, { instanceId: 'i' })
  assert.deepEqual(leave(it, ['', 'i']), ['NONE'])
  assert.equal(it.heartbeat(fixed), 'UNKNOWN_MEMBER_ID')
  assert.equal(it.state(), 'PreparingRebalance')
})

test('an expected member may leave before it joined', async () => {
  const it = await world()
  const [leader] = it.stable({})
  const pending = it.join({ requiresKnownMemberId: true })
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  assert.deepEqual(leave(it, [pending.result?.memberId ?? '']), ['NONE'])
  assert.equal(errorOf(rejoined), 'NONE')
})

test('every member of a group that is not there is unknown; an empty group id is 24', async () => {
  const it = await world()
  assert.deepEqual(leave(it, ['m'], ['n']), ['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
  assert.equal(it.leave([], '').result, 'INVALID_GROUP_ID')
})

test('who leaves with a parked JoinGroup gets it answered', async () => {
  const it = await world()
  const [leader, follower] = it.stable({}, {})
  const rejoined = it.join({ memberId: leader?.memberId ?? '' })
  leave(it, [leader?.memberId ?? ''])
  assert.equal(errorOf(rejoined), 'UNKNOWN_MEMBER_ID')
  assert.equal(it.heartbeat(follower), 'REBALANCE_IN_PROGRESS')
})

test('without group.disconnect.grace.ms a closed connection changes nothing, and nobody listens to it', async () => {
  const it = await world()
  const connection = new TestConnection()
  it.stable({ connection })
  assert.equal(connection.listenerCount, 0)
  connection.close()
  it.clock.advance(9_999)
  assert.equal(it.state(), 'Stable')
})

test('with it a member whose connection closed is out after the grace', async () => {
  const it = await world({ disconnectGraceMs: 500 })
  const connection = new TestConnection()
  const [, follower] = it.stable({ connection }, {})
  connection.close()
  it.clock.advance(499)
  assert.equal(it.state(), 'Stable')
  it.clock.advance(1)
  assert.equal(it.heartbeat(follower), 'REBALANCE_IN_PROGRESS')
})

test('with a grace of 0 it is out in the same moment', async () => {
  const it = await world({ disconnectGraceMs: 0 })
  const connection = new TestConnection()
  it.stable({ connection })
  connection.close()
  it.clock.advance(0)
  assert.equal(it.state(), 'Empty')
})

test('a member that is heard of on another connection within the grace stays', async () => {
  const it = await world({ disconnectGraceMs: 500 })
  const first = new TestConnection()
  const second = new TestConnection()
  const [leader] = it.stable({ connection: first })
  first.close()
  it.clock.advance(400)
  assert.equal(it.heartbeat(leader, { connection: second }), 'NONE')
  it.clock.advance(5_000)
  assert.equal(it.state(), 'Stable')
  assert.equal(second.listenerCount, 1)
  second.close()
  it.clock.advance(500)
  assert.equal(it.state(), 'Empty')
})

test('a member that moved to another connection does not mind when the old one closes', async () => {
  const it = await world({ disconnectGraceMs: 0 })
  const first = new TestConnection()
  const second = new TestConnection()
  const [leader] = it.stable({ connection: first })
  it.heartbeat(leader, { connection: second })
  assert.equal(first.listenerCount, 0)
  first.close()
  it.clock.advance(1_000)
  assert.equal(it.state(), 'Stable')
})

test('a static member is not expired early: it is expected to come back', async () => {
  const it = await world({ disconnectGraceMs: 0 })
  const connection = new TestConnection()
  it.stable({ connection, instanceId: 'i' })
  connection.close()
  it.clock.advance(9_999)
  assert.equal(it.state(), 'Stable')
  it.clock.advance(1)
  assert.equal(it.state(), 'Empty')
})

test('a static member that was lost before its first JoinGroup was answered is out after its session', async () => {
  const it = await world({ disconnectGraceMs: 0 })
  const connection = new TestConnection()
  const [leader] = it.stable({ sessionTimeoutMs: 60_000 })
  it.join({ connection, instanceId: 'i' })
  connection.close()
  it.join({ memberId: leader?.memberId ?? '', sessionTimeoutMs: 60_000 })
  assert.equal(it.state(), 'CompletingRebalance')
  it.clock.advance(10_000)
  assert.equal(it.state(), 'PreparingRebalance')
})

test('a member that is parked on a closed connection no longer holds up the others', async () => {
  const it = await world({ disconnectGraceMs: 0 })
  const connection = new TestConnection()
  const [leader, follower] = it.stable({}, {})
  const gone = it.join({ connection })
  connection.close()
  it.clock.advance(0)
  assert.equal(errorOf(gone), 'UNKNOWN_MEMBER_ID')
  const rejoined = [leader, follower].map((member) => it.join({ memberId: member?.memberId ?? '' }))
  assert.deepEqual(rejoined.map(errorOf), ['NONE', 'NONE'])
})
