import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alterShareGroupOffsets } from '../../../src/kafka/handlers/alter-share-group-offsets.ts'
import { deleteShareGroupOffsets } from '../../../src/kafka/handlers/delete-share-group-offsets.ts'
import { describeShareGroupOffsets } from '../../../src/kafka/handlers/describe-share-group-offsets.ts'
import { findCoordinator } from '../../../src/kafka/handlers/find-coordinator.ts'
import { shareGroupDescribe } from '../../../src/kafka/handlers/share-group-describe.ts'
import { shareGroupHeartbeat } from '../../../src/kafka/handlers/share-group-heartbeat.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { handlerWorld } from '../lib/handler-world.ts'

const BEAT = { groupId: 's', memberId: 'm', memberEpoch: 0, rackId: null, subscribedTopicNames: ['t'] }
const start = (topicName: string, partitionIndex: number, startOffset: number) => ({ topicName, partitions: [{ partitionIndex, startOffset }] })

/** With a share group `s` that `m` is in, or was. */
async function withGroup({ isEmpty = false } = {}, ...denied: string[]) {
  const it = await handlerWorld(...denied)
  it.world.topic('t', 2)
  const joined = it.world.groups.share
  joined.heartbeat({ ...BEAT, topicNames: ['t'], clientId: 'c', clientHost: '/h', connection: null }, () => undefined)
  it.world.log.commit()
  if (isEmpty) joined.heartbeat({ ...BEAT, memberEpoch: -1, topicNames: null, clientId: 'c', clientHost: '/h', connection: null }, () => undefined)
  it.world.log.commit()
  return it
}

test('ShareGroupHeartbeat: READ on the group, DESCRIBE on its topics, a member id of 1 to 36 characters', async () => {
  const noGroup = await handlerWorld('read group s')
  assert.equal((await noGroup.call(shareGroupHeartbeat, 1, BEAT)).errorCode, 30)
  const noTopic = await handlerWorld('describe topic secret')
  assert.equal((await noTopic.call(shareGroupHeartbeat, 1, { ...BEAT, subscribedTopicNames: ['t', 'secret'] })).errorCode, 29)
  for (const memberId of ['', 'm'.repeat(37)]) assert.equal((await noTopic.call(shareGroupHeartbeat, 1, { ...BEAT, memberId })).errorCode, 42)
  const { errorCode, memberEpoch, assignment } = await noTopic.call(shareGroupHeartbeat, 1, BEAT)
  assert.deepEqual([errorCode, memberEpoch, assignment?.topicPartitions.map(({ partitions }) => partitions)], [0, 2, [[0, 1, 2, 3]]])
})

test('ShareGroupDescribe: who may not see a topic that a member has sees nothing of its group', async () => {
  const request = { groupIds: ['s', '', 'g', 'nobody'], includeAuthorizedOperations: true }
  const { call } = await withGroup()
  const codes = async (of: typeof call) => (await of(shareGroupDescribe, 1, request)).groups.map(({ errorCode }) => errorCode)
  assert.deepEqual(await codes(call), [0, 24, 69, 69])
  assert.deepEqual(await codes((await withGroup({}, 'describe topic t')).call), [29, 24, 69, 69])
  assert.deepEqual(await codes((await withGroup({}, 'describe group s')).call), [30, 24, 69, 69])
  const [group] = (await call(shareGroupDescribe, 1, request)).groups
  assert.equal(group?.groupState, 'Stable')
  assert.equal(group?.assignorName, 'simple')
  assert.deepEqual(
    group?.members.map(({ memberId, subscribedTopicNames, assignment }) => [memberId, subscribedTopicNames, assignment.topicPartitions[0]?.partitions]),
    [['m', ['t'], [0, 1, 2, 3]]],
  )
})

test('DescribeShareGroupOffsets: topics that may not be seen are left out of all, and named 29 where they are asked for', async () => {
  const ask = (topics: { topicName: string; partitions: number[] }[] | null) => ({ groups: [{ groupId: 's', topics }] })
  const { call } = await withGroup({}, 'describe topic secret')
  const all = (await call(describeShareGroupOffsets, 1, ask(null))).groups[0]
  assert.deepEqual(
    all?.topics.map(({ topicName, partitions }) => [topicName, partitions.map(({ startOffset, lag }) => [startOffset, lag])]),
    [
      [
        't',
        [
          [0, 0],
          [0, 0],
          [0, 0],
          [0, 0],
        ],
      ],
    ],
  )
  const named = (await call(describeShareGroupOffsets, 1, ask(['t', 'secret', 'none'].map((topicName) => ({ topicName, partitions: [0] }))))).groups[0]
  assert.deepEqual(
    named?.topics.map(({ topicId, partitions }) => [topicId === ZERO_UUID, partitions[0]?.startOffset, partitions[0]?.errorCode]),
    [
      [false, 0, 0],
      [true, -1, 29],
      [true, -1, 0],
    ],
  )
  const hidden = await (await withGroup({}, 'describe topic t')).call(describeShareGroupOffsets, 1, ask(null))
  assert.deepEqual(hidden.groups[0]?.topics, [])
  const refused = await (await withGroup({}, 'describe group s')).call(describeShareGroupOffsets, 0, ask(null))
  assert.equal(refused.groups[0]?.errorCode, 30)
})

test('AlterShareGroupOffsets: one group, all or nothing; each partition its own answer; a topic that is named twice is one', async () => {
  const topics = [start('t', 0, 5), start('t', 1, -2), start('t', 9, 0), start('secret', 0, 0), start('none', 0, 0)]
  const { call } = await withGroup({ isEmpty: true }, 'read topic secret')
  const { errorCode, responses } = await call(alterShareGroupOffsets, 0, { groupId: 's', topics })
  assert.equal(errorCode, 0)
  assert.deepEqual(
    responses.map(({ topicName, partitions }) => [topicName, partitions.map((part) => part.errorCode)]),
    [
      // Kafka takes any number.
      ['t', [0, 0, 3]],
      ['secret', [29]],
      ['none', [3]],
    ],
  )
  const inhabited = await (await withGroup()).call(alterShareGroupOffsets, 0, { groupId: 's', topics })
  assert.deepEqual([inhabited.errorCode, inhabited.responses], [68, []])
  assert.equal((await (await withGroup({}, 'read group s')).call(alterShareGroupOffsets, 0, { groupId: 's', topics })).errorCode, 30)
})

test('DeleteShareGroupOffsets: DELETE on the group, READ on the topics', async () => {
  const topics = ['t', 't', 'secret', 'none'].map((topicName) => ({ topicName }))
  const { call } = await withGroup({ isEmpty: true }, 'read topic secret')
  const tell = async () =>
    (await call(deleteShareGroupOffsets, 0, { groupId: 's', topics })).responses.map(({ topicName, errorCode }) => [topicName, errorCode])
  assert.deepEqual(await tell(), [
    ['t', 0],
    ['secret', 29],
    ['none', 3],
  ])
  assert.deepEqual(await tell(), [
    ['t', 3],
    ['secret', 29],
    ['none', 3],
  ])
  assert.equal((await (await withGroup({}, 'delete group s')).call(deleteShareGroupOffsets, 0, { groupId: 's', topics })).errorCode, 30)
})

test('FindCoordinator of share partitions: from v6 on, for whoever may act for the cluster', async () => {
  const key = 's:AAAAAAAAAAAAAAAAAAAAAQ:0'
  const request = { key: '', keyType: 2, coordinatorKeys: [key, 's', 'with:colons:AAAAAAAAAAAAAAAAAAAAAQ:7'] }
  const codes = async (version: number, ...denied: string[]) =>
    (await (await handlerWorld(...denied)).call(findCoordinator, version, request)).coordinators.map(({ errorCode }) => errorCode)
  assert.deepEqual(await codes(6), [0, 42, 0])
  assert.deepEqual(await codes(5), [42, 42, 42])
  assert.deepEqual(await codes(6, 'cluster-action cluster kafka-cluster'), [31, 42, 31])
})
