import { setTimeout as sleep } from 'node:timers/promises'
import { AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse } from '../../../../src/kafka/messages/alter-share-group-offsets.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../../../../src/kafka/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../../src/kafka/messages/consumer-group-heartbeat.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../../src/kafka/messages/delete-groups.ts'
import { DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse } from '../../../../src/kafka/messages/delete-share-group-offsets.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../../src/kafka/messages/describe-configs.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../../src/kafka/messages/describe-groups.ts'
import { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse } from '../../../../src/kafka/messages/describe-share-group-offsets.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../../src/kafka/messages/find-coordinator.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../../src/kafka/messages/heartbeat.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../../src/kafka/messages/incremental-alter-configs.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../../src/kafka/messages/leave-group.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../../src/kafka/messages/list-groups.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../../src/kafka/messages/offset-commit.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../../../src/kafka/messages/offset-delete.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../../src/kafka/messages/offset-fetch.ts'
import { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from '../../../../src/kafka/messages/share-group-describe.ts'
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from '../../../../src/kafka/messages/share-group-heartbeat.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../../src/kafka/messages/sync-group.ts'
import type { Input } from '../../../../src/kafka/wire/message.ts'
import { protocol } from '../../../broker/groups/support/world.ts'
import { batchOf } from '../../../kafka/lib/batches.ts'
import type { RawClient } from '../../../kafka/lib/raw-client.ts'
import { type Peer, type Question, stripped } from '../question.ts'
import { makeTopic, produceTo } from './topics-for-questions.ts'

const GROUP_CONFIG = 32
const SHARE_KEY = 2
/** Kafka's coordinators load, and share partitions are made known, behind the client's back. */
const PASSING: ReadonlySet<number> = new Set([14, 15, 16])
const TRIES = 200
const PAUSE_MS = 50

type Beat = Partial<Input<typeof ShareGroupHeartbeatRequest>>

/** One broker, one group name. */
class Stage {
  readonly peer: Peer
  /** The one connection of all members: a broker in memory takes whoever closes his for gone. */
  readonly client: RawClient
  readonly groupId: string

  constructor(peer: Peer, client: RawClient, groupId: string) {
    this.peer = peer
    this.client = client
    this.groupId = groupId
  }

  beat(words: Beat) {
    return this.client.ask([ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse], 1, { groupId: this.groupId, memberId: 'm1', memberEpoch: 0, ...words })
  }

  async code(words: Beat): Promise<number> {
    return (await this.beat(words)).errorCode
  }

  /** Joins, and comes back until it has so many partitions; its epoch. */
  async join(memberId: string, topic: string, partitions: number): Promise<number> {
    // Kafka's second assignment waits for a second otherwise.
    const configs = [{ name: 'share.assignment.interval.ms', configOperation: 0, value: '0' }]
    await this.peer.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], 1, {
      resources: [{ resourceType: GROUP_CONFIG, resourceName: this.groupId, configs }],
      validateOnly: false,
    })
    let { memberEpoch, assignment } = await this.beat({ memberId, subscribedTopicNames: [topic] })
    for (let tries = 0; tries < TRIES && (assignment === null || assignment.topicPartitions[0]?.partitions.length !== partitions); tries++) {
      await sleep(PAUSE_MS)
      const answer = await this.beat({ memberId, memberEpoch, subscribedTopicNames: [topic] })
      if (answer.errorCode === 0) ({ memberEpoch, assignment } = answer)
    }
    return memberEpoch
  }

  /** State and members, without epochs: Kafka's rise once more when a partition is known. */
  async describe(): Promise<unknown> {
    const { groups } = await this.peer.ask([ShareGroupDescribeRequest, ShareGroupDescribeResponse], 1, {
      groupIds: [this.groupId],
      includeAuthorizedOperations: true,
    })
    return groups.map((group) => [
      group.errorCode,
      group.groupState,
      group.assignorName,
      group.authorizedOperations,
      group.groupEpoch === group.assignmentEpoch,
      group.members
        .toSorted((left, right) => (left.memberId < right.memberId ? -1 : 1))
        .map(({ memberId, rackId, clientId, clientHost, subscribedTopicNames, assignment }) => [
          memberId,
          rackId,
          clientId,
          clientHost,
          subscribedTopicNames.length,
          assignment.topicPartitions.map(({ partitions }) => [...partitions].sort()),
        ]),
    ])
  }

  alter(topics: readonly (readonly [topicName: string, partitionIndex: number, startOffset: number])[], groupId = this.groupId) {
    return this.peer
      .ask([AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse], 0, {
        groupId,
        topics: topics.map(([topicName, partitionIndex, startOffset]) => ({ topicName, partitions: [{ partitionIndex, startOffset }] })),
      })
      .then(({ errorCode, responses }) => [errorCode, responses.flatMap(({ partitions }) => partitions.map((part) => part.errorCode)).sort()])
  }

  deleteOffsets(topicNames: readonly string[], groupId = this.groupId) {
    return this.peer
      .ask([DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse], 0, { groupId, topics: topicNames.map((topicName) => ({ topicName })) })
      .then(({ errorCode, responses }) => [errorCode, responses.map((topic) => topic.errorCode).sort()])
  }

  offsets(topics: Input<typeof DescribeShareGroupOffsetsRequest>['groups'][number]['topics'], version = 1, groupId = this.groupId): Promise<unknown> {
    return this.peer.plain([DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse], version, { groups: [{ groupId, topics }] })
  }

  async delete(): Promise<unknown> {
    const { results } = await this.peer.ask([DeleteGroupsRequest, DeleteGroupsResponse], 3, { groupsNames: [this.groupId] })
    return results.map(({ errorCode }) => errorCode)
  }
}

type Tell = (stage: Stage) => Promise<unknown>

/** The coordinators are there before it is asked. */
function question(name: string, tell: Tell): Question {
  const ask = async (peer: Peer): Promise<unknown> => {
    await using client = await peer.connect()
    const stage = new Stage(peer, client, peer.name('share'))
    await untilReady(stage)
    // Awaited here: the connection ends with this block.
    return await tell(stage)
  }
  return { name: `share groups: ${name}`, ask }
}

async function untilReady({ peer, groupId }: Stage): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    await peer.ask([FindCoordinatorRequest, FindCoordinatorResponse], 4, { key: '', keyType: 0, coordinatorKeys: [groupId] })
    const { groups } = await peer.ask([ShareGroupDescribeRequest, ShareGroupDescribeResponse], 1, { groupIds: [groupId], includeAuthorizedOperations: false })
    if (!PASSING.has(groups[0]?.errorCode ?? 0)) return
    await sleep(PAUSE_MS)
  }
}

const REFUSED: Readonly<Record<string, Beat>> = {
  'without names': {},
  'with no names': { subscribedTopicNames: [] },
  'without a member id': { memberId: '', subscribedTopicNames: ['t'] },
  'of a blank member id': { memberId: ' ', subscribedTopicNames: ['t'] },
  'of a member id of 36 characters': { memberId: 'm'.repeat(36), memberEpoch: 4 },
  'of a member id of 37 characters': { memberId: 'm'.repeat(37), memberEpoch: 4 },
  'without a group id': { groupId: '', subscribedTopicNames: ['t'] },
  'of a blank group id': { groupId: ' ', subscribedTopicNames: ['t'] },
  'of a blank rack': { rackId: ' ', subscribedTopicNames: ['t'] },
  'of epoch -2': { memberEpoch: -2 },
  'of epoch 1 in a group that is not there': { memberEpoch: 1 },
  'that leaves a group that is not there': { memberEpoch: -1 },
}

const LIFE: Tell = async (s) => {
  const { name } = await makeTopic(s.peer, { partitions: 2 })
  const epoch = await s.join('m1', name, 2)
  return [
    await s.code({ memberEpoch: epoch }),
    await s.code({ memberEpoch: epoch + 7 }),
    await s.code({ memberId: 'm2', memberEpoch: epoch }),
    await s.code({ memberId: 'm2', memberEpoch: -1 }),
    await s.describe(),
    (await s.beat({ memberEpoch: epoch, subscribedTopicNames: [] })).assignment,
    await s.code({ memberEpoch: 0 }),
    await s.code({ memberEpoch: -1 }),
    await s.code({ memberEpoch: -1 }),
    await s.code({ memberEpoch: epoch }),
    await s.describe(),
  ]
}

const TWO: Tell = async (s) => {
  const { name } = await makeTopic(s.peer, { partitions: 1 })
  await s.join('m1', name, 1)
  await s.join('m2', name, 1)
  return s.describe().then((groups) => JSON.stringify(groups).replaceAll('false', 'true'))
}

/** What other APIs make of a share group with a member, and then of an empty one. */
const OTHERS: Tell = async (s) => {
  const { peer, groupId } = s
  const { name, id } = await makeTopic(peer, { partitions: 1 })
  const epoch = await s.join('m1', name, 1)
  const ask = async (): Promise<unknown[]> => {
    const join = {
      groupId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [protocol('range', [name])],
    }
    const part = { committedOffset: 1, committedMetadata: '', partitionIndex: 0 }
    const commit = (version: number, memberId: string, generationIdOrMemberEpoch: number) =>
      peer.plain([OffsetCommitRequest, OffsetCommitResponse], version, {
        groupId,
        generationIdOrMemberEpoch,
        memberId,
        topics: [{ name, topicId: id, partitions: [part] }],
      })
    const fetch = (version: number, memberId: string | null, memberEpoch: number) =>
      peer.plain([OffsetFetchRequest, OffsetFetchResponse], version, {
        groupId: '',
        topics: null,
        groups: [{ groupId, memberId, memberEpoch, topics: [{ name, topicId: id, partitionIndexes: [0] }] }],
        requireStable: false,
      })
    return [
      await peer.plain([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse], 1, {
        ...{ groupId, memberId: 'c', memberEpoch: 0, rebalanceTimeoutMs: 1_000, subscribedTopicNames: [name], topicPartitions: [] },
      }),
      await peer.plain([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse], 1, { groupId, memberId: 'c', memberEpoch: 1 }),
      await peer.plain([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse], 1, { groupId, memberId: 'c', memberEpoch: -1 }),
      await peer.plain([ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse], 1, { groupIds: [groupId], includeAuthorizedOperations: true }),
      await peer.plain([DescribeGroupsRequest, DescribeGroupsResponse], 5, { groups: [groupId], includeAuthorizedOperations: false }),
      await peer.plain([DescribeGroupsRequest, DescribeGroupsResponse], 6, { groups: [groupId], includeAuthorizedOperations: true }),
      await peer.plain([JoinGroupRequest, JoinGroupResponse], 9, join),
      await peer.plain([JoinGroupRequest, JoinGroupResponse], 5, { ...join, memberId: 'm1' }),
      await peer.plain([SyncGroupRequest, SyncGroupResponse], 5, {
        groupId,
        generationId: 1,
        memberId: 'm1',
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: [],
      }),
      await peer.plain([HeartbeatRequest, HeartbeatResponse], 4, { groupId, generationId: 1, memberId: 'm1' }),
      await peer.plain([LeaveGroupRequest, LeaveGroupResponse], 5, { groupId, memberId: '', members: [{ memberId: 'm1', groupInstanceId: null }] }),
      await commit(8, '', -1),
      await commit(9, '', -1),
      await commit(8, 'm1', epoch),
      await commit(9, 'm1', epoch),
      await commit(10, 'm1', epoch),
      await fetch(8, null, -1),
      await fetch(9, null, -1),
      await fetch(9, 'm1', epoch),
      await fetch(10, 'nobody', 1),
      await peer.plain([OffsetDeleteRequest, OffsetDeleteResponse], 0, { groupId, topics: [{ name, partitions: [{ partitionIndex: 0 }] }] }),
    ]
  }
  const inhabited = [await ask(), await s.delete(), await s.deleteOffsets([name]), await s.alter([[name, 0, 0]])]
  await s.beat({ memberEpoch: -1 })
  return [inhabited, await ask()]
}

const GROUPS_OF_OTHERS: Tell = async (s) => {
  const { peer, groupId } = s
  const { name } = await makeTopic(peer, { partitions: 1 })
  const share = async () => [
    await s.code({ subscribedTopicNames: [name] }),
    await s.code({ memberEpoch: 1 }),
    await s.code({ memberEpoch: -1 }),
    await s.describe(),
    await s.alter([[name, 0, 0]]),
    await s.deleteOffsets([name]),
    await s.offsets(null),
  ]
  const beat = { groupId, memberId: 'c', rebalanceTimeoutMs: 1_000, subscribedTopicNames: [name], topicPartitions: [] }
  await s.client.ask([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse], 1, { ...beat, memberEpoch: 0 })
  const consumer = await share()
  await peer.ask([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse], 1, { ...beat, memberEpoch: -1 })
  const empty = await share()
  const simple = new Stage(peer, s.client, `${groupId}-simple`)
  await peer.ask([OffsetCommitRequest, OffsetCommitResponse], 8, {
    ...{ groupId: simple.groupId, generationIdOrMemberEpoch: -1, memberId: '' },
    topics: [{ name, topicId: '', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }],
  })
  return [consumer, empty, await simple.code({ subscribedTopicNames: [name] }), await simple.describe(), await simple.alter([[name, 0, 0]])]
}

const LISTED: Tell = async (s) => {
  const { name } = await makeTopic(s.peer, { partitions: 1 })
  await s.join('m1', name, 1)
  const list = async (version: number, statesFilter: string[], typesFilter: string[]) => {
    const { errorCode, groups } = await s.peer.ask([ListGroupsRequest, ListGroupsResponse], version, { statesFilter, typesFilter })
    return [errorCode, groups.filter(({ groupId }) => groupId === s.groupId).map((group) => ({ ...group, groupId: 'it' }))]
  }
  const all = async () => [
    await list(5, [], []),
    await list(5, [], ['share']),
    await list(5, [], ['SHARE', 'classic']),
    await list(5, [], ['consumer']),
    await list(5, ['stable'], ['Share']),
    await list(5, ['Empty'], ['share']),
    await list(4, ['Stable'], []),
    await list(3, [], []),
  ]
  const inhabited = await all()
  await s.beat({ memberEpoch: -1 })
  return [inhabited, await all()]
}

const OFFSETS: Tell = async (s) => {
  const topic = await makeTopic(s.peer, { partitions: 3 })
  const { name } = topic
  for (let n = 0; n < 10; n++) await produceTo(s.peer, topic, 1, batchOf([`${n}`], { timestampMs: 1_000 }))
  // Kafka's other coordinator hears of the topic a moment later.
  const other = new Stage(s.peer, s.client, `${s.groupId}-before`)
  for (let tries = 0; tries < TRIES && JSON.stringify(await other.alter([[name, 0, 0]])) !== '[0,[0]]'; tries++) await sleep(PAUSE_MS)
  const altered = [
    await s.alter([]),
    await s.describe(),
    await s.alter([[name, 1, 4]]),
    await s.alter([[name, 0, -1]]),
    await s.alter([[name, 9, 0]]),
    await s.alter([['nowhere', 0, 0]]),
    await s.alter([
      [name, 2, 0],
      [name, 9, 0],
      ['nowhere', 0, 0],
    ]),
    await s.alter([[name, 0, 0]], ''),
  ]
  // It is made known behind the client's back.
  for (let tries = 0; tries < TRIES && !JSON.stringify(await s.offsets(null)).includes('"partitionIndex":2'); tries++) await sleep(PAUSE_MS)
  const described = [
    await s.describe(),
    sorted(await s.offsets(null)),
    sorted(await s.offsets(null, 0)),
    await s.offsets([{ topicName: name, partitions: [1] }]),
    await s.offsets([{ topicName: name, partitions: [1] }], 0),
    await s.offsets([{ topicName: 'nowhere', partitions: [0, 1] }]),
    await s.offsets([]),
    await s.offsets(null, 1, ''),
    await s.offsets(null, 1, `${s.groupId}-of-nobody`),
  ]
  const deleted = [
    await s.deleteOffsets([name], ''),
    await s.deleteOffsets([name], `${s.groupId}-of-nobody`),
    await s.deleteOffsets([]),
    await s.deleteOffsets(['nowhere']),
    await s.deleteOffsets([name, 'nowhere']),
    await s.deleteOffsets([name]),
    await s.offsets(null),
    await s.offsets([{ topicName: name, partitions: [1] }]),
    await s.delete(),
    await s.describe(),
    await s.delete(),
  ]
  return [altered, described, deleted]
}

/** Kafka has partitions in any order. */
function sorted(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (_, value: unknown) => {
    if (!Array.isArray(value) || typeof value[0] !== 'object' || value[0] === null || !('partitionIndex' in value[0])) return value
    return (value as { partitionIndex: number }[]).toSorted((left, right) => left.partitionIndex - right.partitionIndex)
  })
}

const COORDINATORS: Tell = async ({ peer, groupId }) => {
  const find = async (version: number, keys: string[]) => {
    const { coordinators } = await peer.ask([FindCoordinatorRequest, FindCoordinatorResponse], version, { key: '', keyType: SHARE_KEY, coordinatorKeys: keys })
    return coordinators.map(({ errorCode, nodeId }) => [errorCode, nodeId])
  }
  const whole = `${groupId}:AAAAAAAAAAAAAAAAAAAAAQ:0`
  // Whether its topic is there already is another matter.
  for (let tries = 0; tries < TRIES && (await find(6, [whole]))[0]?.[0] !== 0; tries++) await sleep(PAUSE_MS)
  return [await find(6, [whole, groupId, `${groupId}:x:0`, 'a:b:c', '']), await find(5, [whole]), await find(4, [groupId])]
}

const CONFIGS: readonly (readonly [key: string, value: string])[] = [
  ['share.auto.offset.reset', 'earliest'],
  ['share.auto.offset.reset', 'latest'],
  ['share.auto.offset.reset', 'by_duration:P1DT2H3M4.5S'],
  ['share.auto.offset.reset', 'by_duration:PT0S'],
  ['share.auto.offset.reset', 'by_duration:P'],
  ['share.auto.offset.reset', 'by_duration:-PT1H'],
  ['share.auto.offset.reset', 'by_duration:1h'],
  ['share.auto.offset.reset', 'none'],
  ['share.isolation.level', 'read_committed'],
  ['share.isolation.level', 'READ_COMMITTED'],
  ['share.record.lock.duration.ms', '15000'],
  ['share.record.lock.duration.ms', '14999'],
  ['share.record.lock.duration.ms', '60001'],
  ['share.delivery.count.limit', '2'],
  ['share.delivery.count.limit', '11'],
  ['share.partition.max.record.locks', '99'],
  ['share.partition.max.record.locks', '4000'],
  ['share.partition.max.record.locks', '4001'],
  ['share.renew.acknowledge.enable', 'false'],
  ['share.renew.acknowledge.enable', 'no'],
  ['share.session.timeout.ms', '44999'],
  ['share.session.timeout.ms', '60000'],
  ['share.heartbeat.interval.ms', '4999'],
  ['share.heartbeat.interval.ms', '15000'],
  ['share.assignment.interval.ms', '15001'],
  ['share.no.such.key', '1'],
]

const CONFIGURED: Tell = async ({ peer, groupId }) => {
  const answers: unknown[] = []
  for (const [name, value] of CONFIGS) {
    const resource = { resourceType: GROUP_CONFIG, resourceName: groupId, configs: [{ name, configOperation: 0, value }] }
    const { responses } = await peer.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], 1, { resources: [resource], validateOnly: false })
    answers.push([name, value, responses[0]?.errorCode])
  }
  const described = async () => {
    const resources = [{ resourceType: GROUP_CONFIG, resourceName: groupId, configurationKeys: null }]
    const { results } = await peer.ask([DescribeConfigsRequest, DescribeConfigsResponse], 4, { resources, includeSynonyms: true, includeDocumentation: false })
    const configs = results[0]?.configs.filter(({ name }) => name.startsWith('share.') && name !== 'share.assignment.interval.ms') ?? []
    return stripped(configs.toSorted((left, right) => (left.name < right.name ? -1 : 1)).map(({ documentation: _, ...config }) => config))
  }
  // What was altered is seen by the broker a moment later.
  for (let tries = 0; tries < TRIES && !JSON.stringify(await described()).includes('"15000"'); tries++) await sleep(PAUSE_MS)
  return [answers, await described()]
}

/** Members and offsets of share groups (KIP-932): keys 76, 77, 90 to 92, and what others make of such groups. */
export const SHARE_GROUP_QUESTIONS: readonly Question[] = [
  ...Object.entries(REFUSED).map(([name, beat]) => question(`a heartbeat ${name}`, (s) => s.code(beat))),
  question('the life of a member', LIFE),
  question('two members share a partition', TWO),
  question('the other APIs of groups, with a member and without', OTHERS),
  question('a group of another type', GROUPS_OF_OTHERS),
  question('listed by type and state', LISTED),
  question('offsets altered, described, deleted, and the group', OFFSETS),
  question('the coordinators of share partitions', COORDINATORS),
  question('configs', CONFIGURED),
  question('described where there is none', (s) => s.describe()),
  question('an offset below -1', async (s) => {
    const { name } = await makeTopic(s.peer)
    // Kafka's other coordinator hears of the topic a moment later.
    for (let tries = 0; tries < TRIES && JSON.stringify(await s.alter([[name, 0, 0]])) !== '[0,[0]]'; tries++) await sleep(PAUSE_MS)
    return s.alter([[name, 0, -2]])
  }),
]
