import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../../src/kafka/messages/delete-groups.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../../src/kafka/messages/describe-groups.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../../src/kafka/messages/find-coordinator.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../../src/kafka/messages/list-groups.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../../src/kafka/messages/offset-commit.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../../../src/kafka/messages/offset-delete.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../../src/kafka/messages/offset-fetch.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import type { Peer, Question } from '../question.ts'
import { type AskedTopic, emptyTopic, oncePerPeer, versions } from './topics-for-questions.ts'

const COMMIT = [OffsetCommitRequest, OffsetCommitResponse] as const
const FETCH = [OffsetFetchRequest, OffsetFetchResponse] as const
const REMOVE = [OffsetDeleteRequest, OffsetDeleteResponse] as const
const DELETE_GROUPS = [DeleteGroupsRequest, DeleteGroupsResponse] as const
const DESCRIBE = [DescribeGroupsRequest, DescribeGroupsResponse] as const
const LIST = [ListGroupsRequest, ListGroupsResponse] as const
const COORDINATOR = [FindCoordinatorRequest, FindCoordinatorResponse] as const
const NO_ID = 'AAAAAAAAAAAAAAAAAAAB7w'
const FIRST_WITH_ID = 10
const FIRST_WITH_GROUPS = 8

/** Kafka makes the topic of its group coordinator when somebody looks for one, and loads its partitions then. */
const coordinated = oncePerPeer(async (peer) => {
  const coordinatorKeys = Array.from({ length: 32 }, (_, i) => `any-${i}`)
  for (;;) {
    const found = await peer.ask(COORDINATOR, 4, { key: '', keyType: 0, coordinatorKeys })
    const groups = coordinatorKeys.map((groupId) => ({ groupId, topics: null }))
    const loaded = await peer.ask(FETCH, 8, { groupId: '', topics: [], groups, requireStable: false })
    if (found.coordinators.every(({ errorCode }) => errorCode === 0) && loaded.groups.every(({ errorCode }) => errorCode === 0)) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return emptyTopic(peer)
})

interface Commit {
  readonly group?: string
  readonly generation?: number
  readonly memberId?: string
  readonly instanceId?: string | null
  readonly topic?: Partial<AskedTopic>
  readonly partitions?: readonly (readonly [index: number, offset: number, metadata?: string | null, epoch?: number])[]
  readonly retentionMs?: number
  readonly twice?: boolean
}

const COMMITS: Readonly<Record<string, Commit>> = {
  'of nobody': {},
  'of nobody with generation 5': { generation: 5 },
  'of a member that is not there': { memberId: 'm' },
  'of a member that is not there, generation 5': { memberId: 'm', generation: 5 },
  'of a static member that is not there': { memberId: 'm', generation: 5, instanceId: 'i' },
  'generation -2': { generation: -2 },
  'to the empty group': { group: '' },
  'to an unknown topic': { topic: { name: 'nowhere-at-all', id: NO_ID } },
  'to no topic': { topic: { name: '', id: ZERO_UUID } },
  'to partitions that are not there': {
    partitions: [
      [0, 1],
      [7, 1],
      [-1, 1],
    ],
  },
  'of negative offsets': {
    partitions: [
      [0, -1],
      [1, -5],
    ],
  },
  'of the largest offset': { partitions: [[0, 9_007_199_254_740_991]] },
  'of long metadata': {
    partitions: [
      [0, 1, 'x'.repeat(4_096)],
      [1, 1, 'x'.repeat(4_097)],
    ],
  },
  'of null metadata': {
    partitions: [
      [0, 1, null],
      [1, 2, ''],
    ],
  },
  'of a leader epoch': {
    partitions: [
      [0, 1, 'm', 3],
      [1, 2, 'm', -7],
    ],
  },
  'of a partition twice': {
    partitions: [
      [0, 1],
      [0, 2],
    ],
  },
  'of nothing': { partitions: [] },
  'kept for 0 ms': { retentionMs: 0 },
  'kept for -2 ms': { retentionMs: -2 },
  'of the same topic twice': { twice: true },
}

const commits: readonly Question[] = Object.entries(COMMITS).flatMap(([what, commit]) =>
  [2, 4, 6, 7, 8, 9, 10].map((version) => ({
    name: `OffsetCommit v${version} ${what}`,
    ask: async (peer: Peer) => {
      const known = await coordinated(peer)
      const groupId = commit.group ?? peer.name('group')
      const { name = known.name, id = known.id } = commit.topic ?? {}
      const partitions = (commit.partitions ?? [[0, 3, 'note']]).map(
        ([partitionIndex, committedOffset, committedMetadata = '', committedLeaderEpoch = -1]) => ({
          partitionIndex,
          committedOffset,
          committedMetadata,
          committedLeaderEpoch,
        }),
      )
      const topic = { name, topicId: id, partitions }
      const answer = await peer
        .ask(COMMIT, version, {
          groupId,
          generationIdOrMemberEpoch: commit.generation ?? -1,
          memberId: commit.memberId ?? '',
          ...(version >= 7 ? { groupInstanceId: commit.instanceId ?? null } : {}),
          retentionTimeMs: commit.retentionMs ?? -1,
          topics: commit.twice === true ? [topic, topic] : [topic],
        })
        .catch(() => 'closed' as const)
      const codes =
        answer === 'closed'
          ? answer
          : answer.topics.map((one) =>
              one.partitions.map((part) => [part.partitionIndex, part.errorCode]).toSorted((a, b) => (a[0] as number) - (b[0] as number)),
            )
      return [codes, groupId === '' ? null : await fetchAll(peer, groupId)]
    },
  })),
)

/** All that a group has, without names. */
async function fetchAll(peer: Peer, groupId: string): Promise<unknown> {
  const answer = await peer.ask(FETCH, 8, { groupId: '', topics: [], groups: [{ groupId, topics: null }], requireStable: false })
  return answer.groups.map(({ errorCode, topics }) => [
    errorCode,
    topics.map(({ partitions }) => partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex)),
  ])
}

/** A group that has offsets of two partitions. */
const filledGroup = oncePerPeer(async (peer) => {
  const topic = await coordinated(peer)
  const groupId = peer.name('filled-group')
  const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, committedOffset: 10 + partitionIndex, committedLeaderEpoch: 0, committedMetadata: 'm' }))
  await peer.ask(COMMIT, 8, {
    groupId,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    retentionTimeMs: -1,
    topics: [{ name: topic.name, topicId: topic.id, partitions }],
  })
  return { groupId, topic }
})

const fetches: readonly Question[] = versions(1, 10).flatMap((version) =>
  [false, true].map((requireStable) => ({
    name: `OffsetFetch v${version}${requireStable ? ', stable ones' : ''}: all, some, unknown, of unknown groups`,
    ask: async (peer: Peer) => {
      const { groupId: filled, topic } = await filledGroup(peer)
      const named = (name: string, id: string, partitionIndexes: number[]) => ({ name, topicId: id, partitionIndexes })
      const ask = async (groups: readonly (readonly [groupId: string, topics: ReturnType<typeof named>[] | null])[]) => {
        const [first] = groups
        const answer = await peer
          .ask(FETCH, version, {
            groupId: first?.[0] ?? '',
            topics: version < 2 ? (first?.[1] ?? []) : (first?.[1] ?? null),
            groups: version < FIRST_WITH_GROUPS ? [] : groups.map(([groupId, topics]) => ({ groupId, topics })),
            requireStable: version >= 7 && requireStable,
          })
          .catch(() => 'closed' as const)
        if (answer === 'closed') return answer
        const plain = (topics: (typeof answer)['topics']) => topics.map(({ name, partitions }) => [name === topic.name, partitions])
        return version < FIRST_WITH_GROUPS
          ? [answer.errorCode, plain(answer.topics)]
          : answer.groups.map((group) => [
              group.errorCode,
              group.topics.map((one) => [
                version < FIRST_WITH_ID ? one.name === topic.name : one.topicId === topic.id,
                one.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex),
              ]),
            ])
      }
      return [
        await ask([[filled, [named(topic.name, topic.id, [0, 1, 7])]]]),
        await ask([[filled, [named(topic.name, topic.id, [-1])]]]),
        await ask([[filled, [named(topic.name, topic.id, [0, 0])]]]),
        await ask([[filled, [named('nowhere-at-all', NO_ID, [0])]]]),
        await ask([[filled, [named(topic.name, topic.id, [])]]]),
        await ask([[filled, []]]),
        await ask([['nobody-at-all', [named(topic.name, topic.id, [0])]]]),
        await ask([['', [named(topic.name, topic.id, [0])]]]),
        ...(version >= 2 ? [await ask([[filled, null]]), await ask([['nobody-at-all', null]])] : []),
        ...(version >= FIRST_WITH_GROUPS
          ? [
              await ask([
                [filled, null],
                ['nobody-at-all', null],
              ]),
              await ask([]),
              await ask([
                [filled, [named(topic.name, topic.id, [0])]],
                [filled, [named(topic.name, topic.id, [1])]],
              ]),
            ]
          : []),
      ]
    },
  })),
)

const removals: readonly Question[] = [
  {
    name: 'OffsetDelete: known, unknown, nothing',
    ask: async (peer) => {
      const topic = await coordinated(peer)
      const groupId = peer.name('group')
      const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }))
      const topics = [{ name: topic.name, topicId: topic.id, partitions }]
      await peer.ask(COMMIT, 8, { groupId, generationIdOrMemberEpoch: -1, memberId: '', retentionTimeMs: -1, topics })
      const ask = async (group: string, name: string, indexes: number[]) => {
        const answer = await peer.ask(REMOVE, 0, { groupId: group, topics: [{ name, partitions: indexes.map((partitionIndex) => ({ partitionIndex })) }] })
        return [answer.errorCode, answer.topics.map((one) => one.partitions)]
      }
      return [
        await ask('nobody-at-all', topic.name, [0]),
        await ask('', topic.name, [0]),
        await ask(groupId, 'nowhere-at-all', [0]),
        await ask(groupId, topic.name, [7, -1]),
        await ask(groupId, topic.name, []),
        await ask(groupId, topic.name, [0]),
        await ask(groupId, topic.name, [0]),
        await fetchAll(peer, groupId),
        await ask(groupId, topic.name, [1]),
        await fetchAll(peer, groupId),
        await ask(groupId, topic.name, [1]),
      ]
    },
  },
]

const groups: readonly Question[] = [
  ...versions(0, 3).map((version) => ({
    name: `DeleteGroups v${version}: known, again, unknown, empty, twice, none`,
    ask: async (peer: Peer) => {
      const topic = await coordinated(peer)
      const [one, two] = [peer.name('group'), peer.name('group')]
      for (const groupId of [one, two]) {
        const partitions = [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }]
        const topics = [{ name: topic.name, topicId: topic.id, partitions }]
        await peer.ask(COMMIT, 8, { groupId, generationIdOrMemberEpoch: -1, memberId: '', retentionTimeMs: -1, topics })
      }
      const ask = async (...groupsNames: string[]) => {
        const answer = await peer.ask(DELETE_GROUPS, version, { groupsNames }).catch(() => 'closed' as const)
        return answer === 'closed' ? answer : answer.results.map(({ groupId, errorCode }) => [groupsNames.indexOf(groupId), errorCode]).sort()
      }
      return [await ask(one), await ask(one), await ask('nobody-at-all'), await ask(''), await ask(two, two), await ask(), await ask(two, one)]
    },
  })),
  ...versions(0, 6).map((version) => ({
    name: `DescribeGroups v${version}: simple, unknown, empty, twice, none`,
    ask: async (peer: Peer) => {
      const { groupId } = await filledGroup(peer)
      const told: unknown[] = []
      for (const asked of [[groupId], ['nobody-at-all'], [''], [groupId, groupId], []]) {
        for (const includeAuthorizedOperations of version >= 3 ? [false, true] : [false]) {
          const answer = await peer.ask(DESCRIBE, version, { groups: asked, includeAuthorizedOperations }).catch(() => 'closed' as const)
          told.push(answer === 'closed' ? answer : answer.groups.map((one) => ({ ...one, groupId: asked.indexOf(one.groupId), errorMessage: '' })))
        }
      }
      return told
    },
  })),
  ...versions(0, 5).flatMap((version) =>
    [
      [[], []],
      [['Empty'], []],
      [['empty', 'Stable'], []],
      [['nonsense'], []],
      [[''], []],
      [[], ['classic']],
      [[], ['Consumer']],
      [[], ['nonsense']],
      [['Empty'], ['classic', 'share']],
    ].map(([statesFilter, typesFilter]) => ({
      name: `ListGroups v${version} of states ${JSON.stringify(statesFilter)} and types ${JSON.stringify(typesFilter)}`,
      ask: async (peer: Peer) => {
        const { groupId } = await filledGroup(peer)
        const answer = await peer.ask(LIST, version, { statesFilter: statesFilter as string[], typesFilter: typesFilter as string[] })
        return [answer.errorCode, answer.groups.filter((one) => one.groupId === groupId).map((one) => ({ ...one, groupId: 'G' }))]
      },
    })),
  ),
  ...versions(0, 6).map((version) => ({
    name: `FindCoordinator v${version}: every type, odd keys`,
    ask: async (peer: Peer) => {
      await coordinated(peer)
      const told: unknown[] = []
      for (const keyType of version === 0 ? [0] : [0, 1, 2, 3, -1]) {
        for (const keys of [
          ['k'],
          [''],
          ['a', 'b'],
          [],
          ['g:AAAAAAAAAAAAAAAAAAAB7w:0'],
          ['g:x:0'],
          ['g:AAAAAAAAAAAAAAAAAAAB7w:-1'],
          ['g:AAAAAAAAAAAAAAAAAAAB7w:x'],
          ['a:b:c:d'],
        ]) {
          if (version < 4 && keys.length !== 1) continue
          // Kafka makes the topic of a coordinator when somebody looks for it, and is not ready before.
          for (let tries = 0; tries < 200; tries++) {
            const answer = await peer.ask(COORDINATOR, version, { key: keys[0] ?? '', keyType, coordinatorKeys: keys }).catch(() => 'closed' as const)
            const codes =
              answer === 'closed'
                ? answer
                : version < 4
                  ? [answer.errorCode, answer.nodeId]
                  : answer.coordinators.map(({ key, errorCode, nodeId }) => [key, errorCode, nodeId])
            if (JSON.stringify(codes).includes('15,-1') && tries < 199) {
              await new Promise((resolve) => setTimeout(resolve, 30))
              continue
            }
            told.push([keyType, keys, codes])
            break
          }
        }
      }
      return told
    },
  })),
]

/** Offsets of groups and what administrators ask of them (rules 23 and 24). */
export const OFFSET_QUESTIONS: readonly Question[] = [...commits, ...fetches, ...removals, ...groups]
