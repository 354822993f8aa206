import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../../../src/broker/errors.ts'
import type { HeartbeatAnswer } from '../../../../src/broker/groups/consumer/heartbeat-request.ts'
import { commitErrorOf, TestConnection, World } from '../support/world.ts'
import { assignmentOf, beat, errorOfBeat, owned, stateOf } from './support.ts'

async function world(settings: ConstructorParameters<typeof World>[0] = {}) {
  const it = await new World(settings).open()
  it.topic('t', 4)
  return it
}

/** `m1` and `m2` with two partitions each, at epoch 3. */
async function pair(settings: ConstructorParameters<typeof World>[0] = {}) {
  const it = await world(settings)
  beat(it, { memberId: 'm1' })
  beat(it, { memberId: 'm2' })
  beat(it, { memberId: 'm1', memberEpoch: 2, owned: owned(it, { t: [0, 1, 2, 3] }) })
  beat(it, { memberId: 'm1', memberEpoch: 2, owned: owned(it, { t: [0, 1] }) })
  beat(it, { memberId: 'm2', memberEpoch: 3, owned: [] })
  assert.equal(stateOf(it), 'Stable m1@3 m2@3')
  return it
}

test('a member is told what it has when that is on disk, not before', async () => {
  const it = await world()
  const joined = it.beat()
  assert.equal(joined.result, undefined)
  it.log.commit()
  assert.ok(joined.result !== undefined && !isFailure(joined.result))
  assert.equal(assignmentOf(it, joined.result), 't-0 t-1 t-2 t-3')
})

test('a heartbeat that changes nothing is answered at once and writes nothing', async () => {
  const it = await world()
  beat(it)
  assert.equal(it.beat({ memberEpoch: 2 }).result === undefined, false)
  assert.equal(it.log.waitingCount, 0)
})

test('while the disk takes its time, changes of all members become one append', async () => {
  const it = await world()
  const joined = ['m1', 'm2', 'm3', 'm4'].map((memberId) => it.beat({ memberId }))
  assert.equal(it.log.waitingCount, 1)
  it.log.commit(1)
  assert.equal(it.log.waitingCount, 1)
  it.log.commit(1)
  assert.ok(joined.every(({ result }) => result !== undefined && !isFailure(result)))
})

test('a failed disk: nobody was told, and the group is what it was', async () => {
  const it = await world()
  beat(it)
  const second = it.beat({ memberId: 'm2' })
  it.log.fail()
  assert.ok(second.result !== undefined && isFailure(second.result))
  assert.equal(second.result.error.name, 'NOT_COORDINATOR')
  assert.equal(stateOf(it), 'Stable m1@2')
  assert.equal(beat(it, { memberEpoch: 2 }).memberEpoch, 2)
})

test('members go on after a crash without joining again', async () => {
  const it = await (await pair()).restart()
  assert.equal(stateOf(it), 'Stable m1@3 m2@3')
  for (const memberId of ['m1', 'm2']) assert.equal(assignmentOf(it, beat(it, { memberId, memberEpoch: 3 })), null)
  assert.equal(it.log.waitingCount, 0)
})

test('a revocation that a crash interrupted goes on after it', async () => {
  let it = await world()
  beat(it, { memberId: 'm1' })
  beat(it, { memberId: 'm2' })
  beat(it, { memberId: 'm1', memberEpoch: 2, owned: owned(it, { t: [0, 1, 2, 3] }) })
  it = await it.restart()
  assert.equal(assignmentOf(it, beat(it, { memberId: 'm2', memberEpoch: 3, owned: [] })), null)
  assert.equal(beat(it, { memberId: 'm1', memberEpoch: 2, owned: owned(it, { t: [0, 1] }) }).memberEpoch, 3)
  assert.equal(assignmentOf(it, beat(it, { memberId: 'm2', memberEpoch: 3, owned: [] })), 't-2 t-3')
})

test('a member that is not heard of within its session is out, and its partitions are free', async () => {
  const it = await pair()
  it.clock.advance(44_000)
  beat(it, { memberId: 'm1', memberEpoch: 3 })
  it.clock.advance(1_000)
  it.log.commit()
  assert.equal(stateOf(it), 'Assigning m1@3')
  assert.equal(assignmentOf(it, beat(it, { memberId: 'm1', memberEpoch: 3 })), 't-0 t-1 t-2 t-3')
  assert.equal(errorOfBeat(it, { memberId: 'm2', memberEpoch: 3 }), 'UNKNOWN_MEMBER_ID')
})

test('sessions run anew after a restart', async () => {
  const before = await pair()
  before.clock.advance(44_000)
  const it = await before.restart()
  it.clock.advance(44_000)
  assert.equal(stateOf(it), 'Stable m1@3 m2@3')
  it.clock.advance(1_000)
  assert.equal(stateOf(it), 'Empty')
})

test('a member that does not give up in time is out', async () => {
  const it = await world()
  beat(it, { memberId: 'm1', rebalanceTimeoutMs: 10_000 })
  beat(it, { memberId: 'm2' })
  const all = owned(it, { t: [0, 1, 2, 3] })
  beat(it, { memberId: 'm1', memberEpoch: 2, owned: all })
  it.clock.advance(9_999)
  beat(it, { memberId: 'm1', memberEpoch: 2, owned: all })
  it.clock.advance(1)
  assert.equal(errorOfBeat(it, { memberId: 'm1', memberEpoch: 2, owned: all }), 'UNKNOWN_MEMBER_ID')
  assert.equal(assignmentOf(it, beat(it, { memberId: 'm2', memberEpoch: 3, owned: [] })), 't-0 t-1 t-2 t-3')
})

test('a static member that left to come back is waited for until its session ends', async () => {
  const it = await world()
  beat(it, { memberId: 'm1', instanceId: 'i' })
  beat(it, { memberId: 'm1', memberEpoch: -2, instanceId: 'i' })
  it.clock.advance(44_999)
  assert.equal(stateOf(it), 'Reconciling m1@-2')
  it.clock.advance(1)
  assert.equal(stateOf(it), 'Empty')
})

test('an answer that comes after the session ended is a refusal: others may have its partitions', async () => {
  const it = await world()
  const joined = it.beat()
  it.clock.advance(45_000)
  it.log.commit()
  assert.ok(joined.result !== undefined && isFailure(joined.result))
  assert.equal(joined.result.error.name, 'UNKNOWN_MEMBER_ID')
})

test('where group.disconnect.grace.ms says so, a dynamic member that loses its connection is out; one that speaks on another is not', async () => {
  const it = await world({ disconnectGraceMs: 100 })
  const [first, second] = [new TestConnection(), new TestConnection()]
  beat(it, { memberId: 'm1', connection: first })
  beat(it, { memberId: 'm2', connection: first, instanceId: 'i' })
  beat(it, { memberId: 'm3', connection: first })
  first.close()
  beat(it, { memberId: 'm1', memberEpoch: 2, connection: second })
  it.clock.advance(100)
  it.log.commit()
  assert.match(stateOf(it), /^Assigning m1@. m2@.$/)
  second.close()
  it.clock.advance(100)
  assert.match(stateOf(it), /^Assigning m2@.$/)
})

test('a group takes group.consumer.max.size members, and those it has may come again', async () => {
  const it = await world({ maxConsumerGroupSize: 2 })
  beat(it, { memberId: 'm1' })
  beat(it, { memberId: 'm2', instanceId: 'i' })
  assert.equal(errorOfBeat(it, { memberId: 'm3' }), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOfBeat(it, { memberId: 'm1' }), 'NONE')
  beat(it, { memberId: 'm2', memberEpoch: -2, instanceId: 'i' })
  assert.equal(errorOfBeat(it, { memberId: 'm4', instanceId: 'i' }), 'NONE')
})

test('what members want is bounded, all together', async () => {
  const it = await world({ maxStateBytes: 100 })
  beat(it, { memberId: 'm1', topicNames: ['x'.repeat(60)] })
  assert.equal(errorOfBeat(it, { memberId: 'm2', topicNames: ['y'.repeat(60)] }), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOfBeat(it, { memberId: 'm1', memberEpoch: 2, topicNames: ['z'.repeat(90)] }), 'NONE')
})

test('an expression that is too long, or compiles to too much, is refused', async () => {
  const it = await world()
  for (const topicRegex of ['x'.repeat(9_000), '[\\pL\\pN]{900}'.repeat(20), '(', 'a(?=b)']) {
    assert.equal(errorOfBeat(it, { topicRegex }), 'INVALID_REGULAR_EXPRESSION', topicRegex.slice(0, 20))
  }
  assert.equal(stateOf(it), 'GROUP_ID_NOT_FOUND')
})

test('500 members share 5,000 partitions within three rounds of heartbeats', async () => {
  const it = await new World().open()
  const topicNames = Array.from({ length: 10 }, (_, n) => it.topic(`t${n}`, 500).name)
  const members = Array.from({ length: 500 }, (_, n) => ({ memberId: `m${n}`, memberEpoch: 0, owned: [] as NonNullable<HeartbeatAnswer['assignment']> }))
  const round = () => {
    for (const member of members) {
      const { memberEpoch, assignment } = beat(it, { ...member, topicNames: member.memberEpoch === 0 ? topicNames : null })
      Object.assign(member, { memberEpoch }, assignment === null ? {} : { owned: assignment })
    }
  }
  for (let rounds = 0; rounds < 4; rounds++) round()
  assert.deepEqual(new Set(members.map(({ owned }) => owned.reduce((sum, { partitions }) => sum + partitions.length, 0))), new Set([10]))
  assert.match(stateOf(it), /^Stable/)
})

test('a broker takes a bounded number of groups', async () => {
  const it = await world({ maxGroups: 1 })
  beat(it)
  assert.equal(errorOfBeat(it, { groupId: 'other' }), 'POLICY_VIOLATION')
})

test('assignments are computed no more often than the interval says', async () => {
  const it = await world({ consumerAssignmentIntervalMs: 1_000 })
  beat(it, { memberId: 'm1' })
  assert.equal(beat(it, { memberId: 'm2' }).memberEpoch, 2)
  assert.equal(stateOf(it), 'Assigning m1@2 m2@2')
  it.clock.advance(1_000)
  assert.equal(beat(it, { memberId: 'm2', memberEpoch: 2, owned: [] }).memberEpoch, 3)
})

test('an expression is matched by the next heartbeat, which is asked for soon; topics that come are found', async () => {
  const it = await world()
  const joined = beat(it, { topicNames: [], topicRegex: 't|u.*' })
  assert.equal(assignmentOf(it, joined), '')
  assert.equal(joined.heartbeatIntervalMs, 500)
  const matched = beat(it, { memberEpoch: joined.memberEpoch, owned: [] })
  assert.equal(assignmentOf(it, matched), 't-0 t-1 t-2 t-3')
  assert.equal(matched.heartbeatIntervalMs, 5_000)
  it.topic('u1', 1)
  it.topic('v', 1)
  const grown = beat(it, { memberEpoch: matched.memberEpoch, owned: owned(it, { t: [0, 1, 2, 3] }) })
  assert.equal(assignmentOf(it, grown), 't-0 t-1 t-2 t-3 u1-0')
})

test('an expression matches only what its member may describe, and is asked again after a while', async () => {
  const it = await world()
  let mayDescribe = (_: string) => false
  const asked = { mayDescribe: (name: string) => mayDescribe(name) }
  const joined = beat(it, { topicNames: [], topicRegex: '.*', ...asked })
  const denied = beat(it, { memberEpoch: joined.memberEpoch, owned: [], ...asked })
  assert.equal(assignmentOf(it, denied), null)
  mayDescribe = () => true
  assert.equal(beat(it, { memberEpoch: denied.memberEpoch, owned: [], ...asked }).memberEpoch, denied.memberEpoch)
  for (let minute = 0; minute < 21; minute++) {
    it.clock.advance(30_000)
    beat(it, { memberEpoch: denied.memberEpoch, owned: [], mayDescribe: () => minute === 20 })
  }
  assert.equal(stateOf(it), 'Stable m1@2')
})

test('a crash between a new expression and its first match does not pass for a match', async () => {
  let it = await world()
  it.topic('u', 2)
  beat(it, { memberId: 'm1', topicNames: ['t', 'u'] })
  beat(it, { memberId: 'm2', topicNames: [], topicRegex: 't' })
  beat(it, { memberId: 'm2', memberEpoch: 2, owned: [] })
  const { memberEpoch } = beat(it, { memberId: 'm1', memberEpoch: 2, owned: owned(it, { t: [0, 1, 2, 3], u: [0, 1] }) })
  const told = beat(it, { memberId: 'm1', memberEpoch, owned: owned(it, { u: [0, 1] }) })
  const mine = beat(it, { memberId: 'm2', memberEpoch: told.memberEpoch, owned: [] })
  beat(it, { memberId: 'm2', memberEpoch: mine.memberEpoch, topicRegex: 'u', owned: [] })
  it = await it.restart()
  beat(it, { memberId: 'm2', memberEpoch: mine.memberEpoch, owned: [] })
  const group = it.groups.describeConsumerGroup('g')
  assert.ok(!isFailure(group))
  assert.equal(group.members.flatMap(({ target }) => target.flatMap(({ partitions }) => partitions)).length, 6)
})

test('a topic that is made anew under its name is another topic', async () => {
  const it = await world()
  beat(it)
  const before = it.topic('t')
  it.topics.delete(before, () => undefined)
  it.log.commit()
  it.topic('t', 2)
  const told = beat(it, { memberEpoch: 2, owned: [{ topicId: before.id, partitions: [0, 1, 2, 3] }] })
  assert.equal(assignmentOf(it, told), '')
  const given = beat(it, { memberEpoch: told.memberEpoch, owned: [] })
  assert.deepEqual(given.assignment, [{ topicId: it.topic('t').id, partitions: [0, 1] }])
})

test('committed offsets of a group survive its members, and the group itself goes when they expire', async () => {
  const it = await world({ offsetsRetentionMs: 50_000, offsetsRetentionCheckIntervalMs: 1_000 })
  const { memberId, memberEpoch } = beat(it)
  const by = { memberId, generation: memberEpoch } as NonNullable<Parameters<World['commit']>[0]['by']>
  const committed = it.commit({ by, offset: 7 })
  it.log.commit()
  assert.equal(commitErrorOf(committed), 'NONE')
  beat(it, { memberEpoch: -1 })
  it.clock.advance(49_000)
  it.log.commit()
  assert.equal(it.committed(), 7)
  it.clock.advance(2_000)
  it.log.commit()
  assert.equal(it.committed(), -1)
  assert.equal(stateOf(it), 'GROUP_ID_NOT_FOUND')
  assert.equal(
    [...it.log.durable.keys()].some((key) => key.startsWith('14/')),
    false,
  )
})

test('a snapshot holds what was appended, and restores the group', async () => {
  const it = await pair()
  const again = await new World({}, it.log.snapshot(), it.clock).open()
  assert.equal(stateOf(again), 'Stable m1@3 m2@3')
})

test('no timer is left when the group is empty, nor when the coordinator closes', async () => {
  const it = await world()
  const before = it.clock.pendingTimers
  beat(it)
  beat(it, { memberEpoch: -1 })
  assert.equal(it.clock.pendingTimers, before)
  beat(it)
  it.groups.close()
  assert.equal(it.clock.pendingTimers, 0)
})
