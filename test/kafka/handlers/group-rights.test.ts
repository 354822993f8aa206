import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deleteGroups } from '../../../src/kafka/handlers/delete-groups.ts'
import { describeGroups } from '../../../src/kafka/handlers/describe-groups.ts'
import { findCoordinator } from '../../../src/kafka/handlers/find-coordinator.ts'
import { heartbeat } from '../../../src/kafka/handlers/heartbeat.ts'
import { initProducerId } from '../../../src/kafka/handlers/init-producer-id.ts'
import { joinGroup } from '../../../src/kafka/handlers/join-group.ts'
import { leaveGroup } from '../../../src/kafka/handlers/leave-group.ts'
import { listGroups } from '../../../src/kafka/handlers/list-groups.ts'
import { offsetCommit } from '../../../src/kafka/handlers/offset-commit.ts'
import { offsetDelete } from '../../../src/kafka/handlers/offset-delete.ts'
import { offsetFetch } from '../../../src/kafka/handlers/offset-fetch.ts'
import { syncGroup } from '../../../src/kafka/handlers/sync-group.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { handlerWorld } from '../lib/handler-world.ts'

const GROUP_AUTHORIZATION_FAILED = 30
const TOPIC_AUTHORIZATION_FAILED = 29
const CLUSTER_AUTHORIZATION_FAILED = 31
const TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53

const JOIN = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId: '',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  reason: null,
}
const OFFSET = { partitionIndex: 0, committedOffset: 6, committedLeaderEpoch: -1, committedMetadata: '' }
const COMMIT = { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, retentionTimeMs: -1 }
const FETCH = { groupId: '', topics: null, requireStable: false }

test('members need READ on their group', async () => {
  const { call } = await handlerWorld('read group g')
  const member = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }
  assert.equal((await call(joinGroup, 9, JOIN)).errorCode, GROUP_AUTHORIZATION_FAILED)
  assert.equal(
    (await call(syncGroup, 5, { ...member, protocolType: 'consumer', protocolName: 'range', assignments: [] })).errorCode,
    GROUP_AUTHORIZATION_FAILED,
  )
  assert.equal((await call(heartbeat, 4, member)).errorCode, GROUP_AUTHORIZATION_FAILED)
  assert.equal((await call(leaveGroup, 5, { ...member, members: [] })).errorCode, GROUP_AUTHORIZATION_FAILED)
  assert.equal((await call(leaveGroup, 0, { ...member, members: [] })).errorCode, GROUP_AUTHORIZATION_FAILED)
})

test('OffsetCommit needs READ on group and topic; what it may not commit it hears of before what does not exist', async () => {
  const topics = ['t', 'secret', 'none'].map((name) => ({ name, topicId: ZERO_UUID, partitions: [OFFSET, { ...OFFSET, partitionIndex: 9 }] }))
  const noGroup = await (await handlerWorld('read group g')).call(offsetCommit, 9, { ...COMMIT, topics })
  assert.deepEqual(
    noGroup.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
    Array(6).fill(GROUP_AUTHORIZATION_FAILED),
  )
  const { call, world } = await handlerWorld('read topic secret')
  const some = await call(offsetCommit, 9, { ...COMMIT, topics })
  assert.deepEqual(
    some.topics.map(({ name, partitions }) => [name, ...partitions.map(({ errorCode }) => errorCode)]),
    [
      ['t', 0, 3],
      ['secret', TOPIC_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED],
      ['none', 3, 3],
    ],
  )
  assert.equal(world.committed(), 6)
})

test('OffsetFetch needs DESCRIBE on group and topic; of all topics it shows those it may', async () => {
  const noGroup = await handlerWorld('describe group g')
  const group = { groupId: 'g', memberId: null, memberEpoch: -1, topics: null }
  assert.equal((await noGroup.call(offsetFetch, 8, { ...FETCH, groups: [group] })).groups[0]?.errorCode, GROUP_AUTHORIZATION_FAILED)
  assert.equal((await noGroup.call(offsetFetch, 7, { ...FETCH, groupId: 'g', groups: [] })).errorCode, GROUP_AUTHORIZATION_FAILED)
  const old = await noGroup.call(offsetFetch, 1, { ...FETCH, groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }], groups: [] })
  assert.equal(old.topics[0]?.partitions[0]?.errorCode, GROUP_AUTHORIZATION_FAILED)

  const noTopic = await handlerWorld('describe topic t')
  assert.deepEqual((await noTopic.call(offsetFetch, 8, { ...FETCH, groups: [group] })).groups[0]?.topics, [])
  const named = [{ name: 't', topicId: ZERO_UUID, partitionIndexes: [0] }]
  const fetched = await noTopic.call(offsetFetch, 8, { ...FETCH, groups: [{ ...group, topics: named }] })
  assert.deepEqual(fetched.groups[0]?.topics[0]?.partitions[0]?.errorCode, TOPIC_AUTHORIZATION_FAILED)
})

test('several groups are fetched at once, each with its own error', async () => {
  const { call } = await handlerWorld('describe group secret')
  const groups = ['g', 'secret', 'none'].map((groupId) => ({ groupId, memberId: null, memberEpoch: -1, topics: null }))
  const answer = await call(offsetFetch, 9, { ...FETCH, requireStable: true, groups })
  assert.deepEqual(
    answer.groups.map(({ groupId, errorCode, topics }) => [groupId, errorCode ?? 0, topics.length]),
    [
      ['g', 0, 1],
      ['secret', GROUP_AUTHORIZATION_FAILED, 0],
      ['none', 0, 0],
    ],
  )
})

test('by id, offsets of an earlier topic of the same name are not there', async () => {
  const { call, world } = await handlerWorld()
  const fetch = (topicId: string) => {
    const topics = [{ name: '', topicId, partitionIndexes: [0] }]
    return call(offsetFetch, 10, { ...FETCH, groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }] })
  }
  const topic = world.topic('t')
  assert.equal((await fetch(topic.id)).groups[0]?.topics[0]?.partitions[0]?.committedOffset, 5)
  world.topics.delete(topic, () => undefined)
  const next = world.topic('t')
  assert.equal((await fetch(next.id)).groups[0]?.topics[0]?.partitions[0]?.committedOffset, -1)
  assert.equal((await fetch(topic.id)).groups[0]?.topics[0]?.partitions[0]?.errorCode, 100)
})

test('FindCoordinator needs DESCRIBE on the group and names the advertised address', async () => {
  const { call } = await handlerWorld('describe group secret')
  const answer = await call(findCoordinator, 4, { key: '', keyType: 0, coordinatorKeys: ['g', 'secret'] })
  assert.deepEqual(
    answer.coordinators.map(({ key, errorCode, nodeId, host, port }) => [key, errorCode, nodeId, host, port]),
    [
      ['g', 0, 1, 'broker', 9092],
      ['secret', GROUP_AUTHORIZATION_FAILED, -1, '', -1],
    ],
  )
  assert.equal((await call(findCoordinator, 0, { key: 'secret', keyType: 0, coordinatorKeys: [] })).errorCode, GROUP_AUTHORIZATION_FAILED)
})

test('a transactional id wants DESCRIBE for its coordinator, WRITE for its producer', async () => {
  const { call } = await handlerWorld('describe transactional-id x', 'write transactional-id x')
  const old = await call(findCoordinator, 1, { key: 'x', keyType: 1, coordinatorKeys: [] })
  assert.equal(old.errorCode, TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  const several = await call(findCoordinator, 6, { key: '', keyType: 1, coordinatorKeys: ['x'] })
  assert.equal(several.coordinators[0]?.errorCode, TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  const id = await call(initProducerId, 5, { transactionalId: 'x', transactionTimeoutMs: 1_000, producerId: -1, producerEpoch: -1 })
  assert.equal(id.errorCode, TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
})

test('InitProducerId needs IDEMPOTENT_WRITE on the cluster, or WRITE on some topic', async () => {
  const request = { transactionalId: null, transactionTimeoutMs: 1_000, producerId: -1, producerEpoch: -1 }
  const cluster = 'idempotent-write cluster kafka-cluster'
  assert.equal((await (await handlerWorld(cluster)).call(initProducerId, 4, request)).errorCode, 0)
  assert.equal((await (await handlerWorld(cluster, 'write topic t')).call(initProducerId, 4, request)).errorCode, CLUSTER_AUTHORIZATION_FAILED)
})

test('DescribeGroups and ListGroups show what may be described; who may describe the cluster lists all', async () => {
  const { call } = await handlerWorld('describe group g')
  assert.equal((await call(describeGroups, 6, { groups: ['g'], includeAuthorizedOperations: true })).groups[0]?.errorCode, GROUP_AUTHORIZATION_FAILED)
  assert.equal((await call(listGroups, 5, { statesFilter: [], typesFilter: [] })).groups.length, 1)
  const less = await handlerWorld('describe group g', 'describe cluster kafka-cluster')
  assert.equal((await less.call(listGroups, 5, { statesFilter: [], typesFilter: [] })).groups.length, 0)
})

test('KIP-430: DescribeGroups tells what may be done with a group', async () => {
  const { call } = await handlerWorld('delete group g', 'alter-configs group g')
  const described = await call(describeGroups, 3, { groups: ['g'], includeAuthorizedOperations: true })
  assert.equal(described.groups[0]?.authorizedOperations, (1 << 3) | (1 << 8) | (1 << 10))
})

test('DeleteGroups and OffsetDelete need DELETE on the group, OffsetDelete READ on the topic too', async () => {
  const denied = await handlerWorld('delete group g')
  assert.equal((await denied.call(deleteGroups, 3, { groupsNames: ['g'] })).results[0]?.errorCode, GROUP_AUTHORIZATION_FAILED)
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0 }] }]
  assert.equal((await denied.call(offsetDelete, 0, { groupId: 'g', topics })).errorCode, GROUP_AUTHORIZATION_FAILED)
  assert.equal(denied.world.committed(), 5)
  const noTopic = await handlerWorld('read topic t')
  assert.equal((await noTopic.call(offsetDelete, 0, { groupId: 'g', topics })).topics[0]?.partitions[0]?.errorCode, TOPIC_AUTHORIZATION_FAILED)
  assert.equal((await noTopic.call(deleteGroups, 3, { groupsNames: ['g', 'g'] })).results.length, 1)
})
