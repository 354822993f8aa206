import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../../../src/broker/errors.ts'
import { commitErrorOf, errorOf as errorOfJoin, TestConnection, World } from '../support/world.ts'
import { assignmentOf, beat, errorOf, nameOf, send, stateOf } from './support.ts'

async function world(settings: ConstructorParameters<typeof World>[0] = {}) {
  const it = await new World(settings).open()
  it.topic('t', 4)
  return it
}

test('a member is told what it may fetch when that is on disk, not before', async () => {
  const it = await world()
  const joined = send(it)
  assert.equal(nameOf(joined), 'waiting')
  it.log.commit()
  const { result } = joined
  assert.ok(result !== undefined && !isFailure(result))
  assert.equal(assignmentOf(it, result), 't-0 t-1 t-2 t-3')
  assert.equal(result.memberEpoch, 2)
})

test('a heartbeat that changes nothing is answered at once, tells no assignment and writes nothing', async () => {
  const it = await world()
  beat(it)
  const waiting = send(it, { memberEpoch: 2 })
  const answer: unknown = waiting.result
  assert.deepEqual(answer, { memberId: 'm1', memberEpoch: 2, heartbeatIntervalMs: 5_000, assignment: null })
  assert.equal(it.log.waitingCount, 0)
})

test('nobody waits for another: each member comes to its part by its next heartbeat', async () => {
  const it = await world()
  beat(it)
  assert.equal(assignmentOf(it, beat(it, { memberId: 'm2' })), 't-2 t-3')
  assert.equal(stateOf(it), 'Stable 3/3 m1@2[t-0 t-1 t-2 t-3] m2@3[t-2 t-3]')
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 2 })), 't-0 t-1')
  assert.equal(stateOf(it), 'Stable 3/3 m1@3[t-0 t-1] m2@3[t-2 t-3]')
})

test('more members than partitions share them', async () => {
  const it = await world()
  it.topic('one', 1)
  for (const memberId of ['m1', 'm2', 'm3']) assert.equal(assignmentOf(it, beat(it, { memberId, topicNames: ['one'] })), 'one-0')
})

test('the epoch before is taken, since its answer may have been lost; any other is fenced', async () => {
  const it = await world()
  beat(it)
  beat(it, { memberId: 'm2' })
  beat(it, { memberEpoch: 2 })
  assert.equal(errorOf(it, { memberEpoch: 2 }), 'NONE')
  assert.equal(errorOf(it, { memberEpoch: 1 }), 'FENCED_MEMBER_EPOCH')
  assert.equal(errorOf(it, { memberEpoch: 4 }), 'FENCED_MEMBER_EPOCH')
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 0 })), 't-0 t-1')
})

test('a member that wants other topics has only what it wants from that answer on', async () => {
  const it = await world()
  it.topic('u', 2)
  beat(it)
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 2, topicNames: ['u'] })), 'u-0 u-1')
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 3, topicNames: [] })), '')
})

test('with time between assignments the target waits, what is not wanted any more does not', async () => {
  const it = await world({ shareAssignmentIntervalMs: 1_000 })
  it.topic('u', 2)
  beat(it)
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 2, topicNames: ['u'] })), '')
  assert.equal(stateOf(it), 'Stable 3/2 m1@2[]')
  it.clock.advance(1_000)
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 2 })), 'u-0 u-1')
})

test('a topic that grows, comes and goes is seen by the next heartbeat', async () => {
  const it = await world()
  beat(it, { topicNames: ['t', 'u'] })
  it.topic('u', 1)
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 2 })), 't-0 t-1 t-2 t-3 u-0')
  it.topics.delete(it.topic('t'), () => undefined)
  it.log.commit()
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 3 })), 'u-0')
})

test('a silent member is out when its session ends, and the others have its part by their next heartbeat', async () => {
  const it = await world()
  beat(it)
  beat(it, { memberId: 'm2' })
  it.clock.advance(30_000)
  beat(it, { memberEpoch: 2 })
  it.clock.advance(20_000)
  it.log.commit()
  assert.equal(errorOf(it, { memberId: 'm2', memberEpoch: 3 }), 'UNKNOWN_MEMBER_ID')
  assert.equal(assignmentOf(it, beat(it, { memberEpoch: 3 })), 't-0 t-1 t-2 t-3')
})

test('a member that leaves is out; the last one leaves the group empty, and it stays', async () => {
  const it = await world()
  beat(it)
  assert.deepEqual(beat(it, { memberEpoch: -1 }), { memberId: 'm1', memberEpoch: -1, heartbeatIntervalMs: 0, assignment: null })
  assert.equal(stateOf(it), 'Empty 3/3')
  it.clock.advance(it.settings.offsetsRetentionMs * 2)
  it.log.commit()
  assert.equal(stateOf(it), 'Empty 3/3')
  assert.equal(errorOf(it, { memberEpoch: -1 }), 'UNKNOWN_MEMBER_ID')
})

test('with a grace for lost connections a member whose only one closed is out after it', async () => {
  const it = await world({ disconnectGraceMs: 100 })
  const connection = new TestConnection()
  beat(it, { connection })
  connection.close()
  it.clock.advance(100)
  it.log.commit()
  assert.equal(stateOf(it), 'Empty 3/3')
})

test('a full group refuses who is not in it', async () => {
  const it = await world({ maxShareGroupSize: 2 })
  beat(it, { memberId: 'm1' })
  beat(it, { memberId: 'm2' })
  assert.equal(errorOf(it, { memberId: 'm3' }), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOf(it, { memberId: 'm1' }), 'NONE')
})

test('a group whose members want too much refuses to remember it', async () => {
  const it = await world({ maxStateBytes: 400 })
  beat(it)
  assert.equal(errorOf(it, { memberId: 'm2', topicNames: ['x'.repeat(249)] }), 'GROUP_MAX_SIZE_REACHED')
  assert.equal(errorOf(it, { memberId: 'm2' }), 'NONE')
})

test('a failed disk: nobody was told, and the group is what it was', async () => {
  const it = await world()
  beat(it)
  const second = send(it, { memberId: 'm2' })
  it.log.fail()
  assert.equal(nameOf(second), 'NOT_COORDINATOR')
  assert.equal(stateOf(it), 'Stable 2/2 m1@2[t-0 t-1 t-2 t-3]')
  assert.equal(beat(it, { memberEpoch: 2 }).memberEpoch, 2)
})

test('a first member that the disk refused leaves no group behind', async () => {
  const it = await world()
  const first = send(it)
  it.log.fail()
  assert.equal(nameOf(first), 'NOT_COORDINATOR')
  assert.equal(stateOf(it), 'GROUP_ID_NOT_FOUND')
})

test('members go on after a restart, and what changed meanwhile is seen', async () => {
  const it = await world()
  beat(it, { rackId: 'r', topicNames: ['t', 'u'] })
  beat(it, { memberId: 'm2' })
  const again = await it.restart(0, 2)
  assert.equal(stateOf(again), 'Stable 3/3 m1@2[t-0 t-1 t-2 t-3] m2@3[t-2 t-3]')
  assert.equal(assignmentOf(again, beat(again, { memberEpoch: 2 })), 't-0 t-1')
  again.topic('u', 1)
  assert.equal(assignmentOf(again, beat(again, { memberEpoch: 3 })), 't-0 t-1 u-0')
  again.clock.advance(46_000)
  again.log.commit()
  assert.equal(stateOf(again), 'Empty 6/6')
})

test('a member that its session takes out while the disk is slow is not told that it is in', async () => {
  const it = await world()
  const joined = send(it)
  it.clock.advance(50_000)
  it.log.commit()
  assert.equal(nameOf(joined), 'UNKNOWN_MEMBER_ID')
})

test('a group id has one type: nobody of another comes in, with members or without', async () => {
  const it = await world()
  beat(it)
  for (const epoch of [0, 1, -1]) assert.equal(consumerError(it, epoch), 'GROUP_ID_NOT_FOUND')
  assert.equal(errorOfJoin(it.join()), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.equal(it.heartbeat(undefined), 'UNKNOWN_MEMBER_ID')
  assert.deepEqual(it.leave([{ memberId: 'm1', instanceId: null }]).result, ['UNKNOWN_MEMBER_ID'])
  assert.equal(it.sync(undefined).result?.error?.name, 'UNKNOWN_MEMBER_ID')
  assert.equal(commitErrorOf(it.commit({ offset: 1 })), 'GROUP_ID_NOT_FOUND')
  assert.equal(commitErrorOf(it.commit({ offset: 1, knowsGroupIdNotFound: false })), 'GROUP_ID_NOT_FOUND')
  beat(it, { memberEpoch: -1 })
  assert.equal(consumerError(it, 0), 'GROUP_ID_NOT_FOUND')
  assert.equal(errorOfJoin(it.join()), 'INCONSISTENT_GROUP_PROTOCOL')
  it.stable({ groupId: 'classic' })
  assert.equal(errorOf(it, { groupId: 'classic' }), 'GROUP_ID_NOT_FOUND')
  it.beat({ groupId: 'consumer' })
  it.log.commit()
  for (const memberEpoch of [0, 1, -1]) assert.equal(errorOf(it, { groupId: 'consumer', memberEpoch }), 'GROUP_ID_NOT_FOUND')
  assert.equal(stateOf(it, 'consumer'), 'GROUP_ID_NOT_FOUND')
})

test('a deleted group makes room for one of another type, also where the deletion failed first', async () => {
  const it = await world()
  beat(it)
  beat(it, { memberEpoch: -1 })
  const errors: (string | null)[] = []
  const remove = () => it.groups.delete(['g'], ([error]) => errors.push(error?.name ?? null))
  remove()
  it.log.fail()
  assert.equal(stateOf(it), 'Empty 3/3')
  remove()
  it.log.commit()
  assert.deepEqual(errors, ['NOT_COORDINATOR', null])
  it.stable({})
  const again = await it.restart()
  assert.equal(again.state(), 'Stable')
})

test('a share group with members is not deleted', async () => {
  const it = await world()
  beat(it)
  it.groups.delete(['g'], ([error]) => assert.equal(error?.name, 'NON_EMPTY_GROUP'))
})

test('groups are listed by type and state', async () => {
  const it = await world()
  beat(it)
  it.stable({ groupId: 'classic' })
  const listed = (types: string[], states: string[]) =>
    it.groups.list({ types, states }).map(({ groupId, protocolType, type, state }) => `${groupId} ${protocolType} ${type} ${state}`)
  assert.deepEqual(listed(['Share'], []), ['g share share Stable'])
  assert.deepEqual(listed([], ['stable']).length, 2)
  assert.deepEqual(listed(['share'], ['Empty']), [])
})

function consumerError(it: World, memberEpoch: number): string {
  const waiting = it.beat({ memberEpoch, memberId: 'c1' })
  it.log.commit()
  assert.ok(waiting.result !== undefined)
  return isFailure(waiting.result) ? waiting.result.error.name : 'NONE'
}
