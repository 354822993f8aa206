import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../../../src/broker/errors.ts'
import { World } from '../support/world.ts'
import { beat, stateOf } from './support.ts'

async function world() {
  const it = await new World().open()
  it.topic('t', 2)
  return it
}

/** AlterShareGroupOffsets: the name of the error, NONE, or `waiting`. */
function alter(it: World, offsets: Readonly<Record<number, number>>, { groupId = 'g', topic = 't' } = {}) {
  const waiting = { result: 'waiting' }
  const starts = Object.entries(offsets).map(([partition, startOffset]) => ({ topicId: it.topic(topic).id, partition: Number(partition), startOffset }))
  it.groups.share.alterOffsets(groupId, starts, (failed) => {
    waiting.result = failed?.error.name ?? 'NONE'
  })
  return waiting
}

/** DeleteShareGroupOffsets. */
function deleteOffsets(it: World, topics: readonly string[], groupId = 'g') {
  const waiting = { result: 'waiting' }
  const topicIds = topics.map((name) => it.topic(name).id)
  it.groups.share.deleteOffsets(groupId, topicIds, (result) => {
    waiting.result = isFailure(result) ? result.error.name : result.map((error) => error?.name ?? 'NONE').join(' ')
  })
  return waiting
}

function deleteGroup(it: World, groupId = 'g') {
  const waiting = { result: 'waiting' }
  it.groups.delete([groupId], ([error]) => {
    waiting.result = error?.name ?? 'NONE'
  })
  return waiting
}

/** `t-0:5 t-1:0`: what DescribeShareGroupOffsets says of all partitions. */
function offsetsOf(it: World, groupId = 'g'): string {
  const all = [...it.groups.share.partitionsOf(groupId)].flatMap(([topicId, partitions]) =>
    partitions.map(
      (partition) => `${it.topics.getById(topicId)?.name}-${partition}:${it.groups.share.summary(groupId, topicId, partition)?.startOffset ?? 'none'}`,
    ),
  )
  return all.sort().join(' ')
}

test('a partition is known from the answer on that gives it to the first member', async () => {
  const it = await world()
  assert.equal(offsetsOf(it), '')
  beat(it)
  assert.equal(offsetsOf(it), 't-0:0 t-1:0')
  const again = await it.restart()
  assert.equal(offsetsOf(again), 't-0:0 t-1:0')
})

test('a group begins where it is told to, also one that nobody was in yet', async () => {
  const it = await world()
  const altered = alter(it, { 1: 7 })
  assert.equal(altered.result, 'waiting')
  it.log.commit()
  assert.equal(altered.result, 'NONE')
  assert.equal(stateOf(it), 'Empty 1/1')
  assert.equal(offsetsOf(it), 't-1:7')
  const again = await it.restart()
  assert.equal(stateOf(again), 'Empty 1/1')
  assert.equal(offsetsOf(again), 't-1:7')
  beat(again)
  assert.equal(offsetsOf(again), 't-0:0 t-1:7')
})

test('nobody moves or deletes the offsets of a group with members', async () => {
  const it = await world()
  beat(it)
  assert.equal(alter(it, { 0: 1 }).result, 'NON_EMPTY_GROUP')
  assert.equal(deleteOffsets(it, ['t']).result, 'NON_EMPTY_GROUP')
  assert.equal(deleteGroup(it).result, 'NON_EMPTY_GROUP')
  beat(it, { memberEpoch: -1 })
  const moved = alter(it, { 0: 1 })
  it.log.commit()
  assert.equal(moved.result, 'NONE')
  assert.equal(offsetsOf(it), 't-0:1 t-1:0')
})

test('offsets of topics are deleted, each with its own answer', async () => {
  const it = await world()
  it.topic('u', 1)
  beat(it)
  beat(it, { memberEpoch: -1 })
  const deleted = deleteOffsets(it, ['t', 'u'])
  it.log.commit()
  assert.equal(deleted.result, 'NONE UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(offsetsOf(it), '')
  assert.equal(deleteOffsets(it, ['t']).result, 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(deleteOffsets(it, []).result, '')
  assert.equal(offsetsOf(await it.restart()), '')
})

test('groups that are not there, of no name, or of another type', async () => {
  const it = await world()
  assert.equal(deleteOffsets(it, ['t']).result, 'GROUP_ID_NOT_FOUND')
  assert.equal(deleteOffsets(it, ['t'], '').result, 'INVALID_GROUP_ID')
  assert.equal(alter(it, { 0: 1 }, { groupId: '' }).result, 'INVALID_GROUP_ID')
  it.stable({ groupId: 'classic' })
  assert.equal(alter(it, { 0: 1 }, { groupId: 'classic' }).result, 'GROUP_ID_NOT_FOUND')
  assert.equal(deleteOffsets(it, ['t'], 'classic').result, 'GROUP_ID_NOT_FOUND')
  assert.equal(alter(it, {}).result, 'NONE')
  assert.equal(stateOf(it), 'GROUP_ID_NOT_FOUND')
})

test('a broker full of groups makes no more', async () => {
  const it = await new World({ maxGroups: 1 }).open()
  it.topic('t', 1)
  beat(it, { groupId: 'one' })
  assert.equal(alter(it, { 0: 1 }).result, 'POLICY_VIOLATION')
})

test('a deleted group takes its offsets along, in one append', async () => {
  const it = await world()
  beat(it)
  beat(it, { memberEpoch: -1 })
  const deleted = deleteGroup(it)
  assert.equal(it.log.waitingCount, 1)
  it.log.commit()
  assert.equal(deleted.result, 'NONE')
  assert.equal(offsetsOf(it), '')
  const again = await it.restart()
  assert.equal(offsetsOf(again), '')
  assert.equal(stateOf(again), 'GROUP_ID_NOT_FOUND')
})

test('what the disk refuses has not happened: neither the move, nor the deletion, nor the new group', async () => {
  const it = await world()
  beat(it)
  beat(it, { memberEpoch: -1 })
  for (const begin of [() => alter(it, { 0: 9 }), () => deleteOffsets(it, ['t']), () => deleteGroup(it)]) {
    const refused = begin()
    it.log.fail()
    assert.equal(refused.result, 'NOT_COORDINATOR')
    assert.equal(stateOf(it), 'Empty 3/3')
    assert.equal(offsetsOf(it), 't-0:0 t-1:0')
  }
  const made = alter(it, { 0: 9 }, { groupId: 'new' })
  it.log.fail()
  assert.equal(made.result, 'NOT_COORDINATOR')
  assert.equal(stateOf(it, 'new'), 'GROUP_ID_NOT_FOUND')
  assert.equal(offsetsOf(it, 'new'), '')
})

test('a group of another type that takes the id keeps nothing of the share group', async () => {
  const it = await world()
  beat(it)
  beat(it, { memberEpoch: -1 })
  deleteGroup(it)
  it.log.commit()
  it.beat()
  it.log.commit()
  assert.equal(offsetsOf(it), '')
  const again = await it.restart()
  assert.equal(again.groups.typeOf('g'), 'consumer')
  assert.equal(offsetsOf(again), '')
})

test('a topic that is deleted is forgotten; made anew it is another one', async () => {
  const it = await world()
  beat(it)
  it.topics.delete(it.topic('t'), () => undefined)
  it.log.commit()
  it.clock.advance(1)
  it.log.commit()
  it.topic('t', 1)
  beat(it, { memberEpoch: 2 })
  assert.equal(offsetsOf(it), 't-0:0')
})

test('what is kept for a group that is not there goes with the next start', async () => {
  const it = await world()
  const staged = it.shares.stageStarts('stray', [{ topicId: it.topic('t').id, partition: 0, startOffset: 3 }])
  it.log.append({ batches: [], state: [...staged.records], durability: 'durable', onDone: (failed) => staged.settle(failed === null) })
  beat(it)
  assert.equal(offsetsOf(it, 'stray'), 't-0:3')
  const again = await it.restart()
  again.log.commit()
  assert.equal(offsetsOf(again, 'stray'), '')
  assert.equal(offsetsOf(again), 't-0:0 t-1:0')
})
