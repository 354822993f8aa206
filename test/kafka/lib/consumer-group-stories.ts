import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../src/kafka/messages/delete-groups.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../src/kafka/messages/describe-groups.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../src/kafka/messages/list-groups.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../../src/kafka/messages/offset-delete.ts'
import { CLASSIC_STORIES } from './consumer-group-classic-stories.ts'
import { GroupStage, joining, type StoryPeer } from './consumer-group-client.ts'

export type Story = (stage: GroupStage) => Promise<readonly unknown[]>

const FIRST: Readonly<Record<string, Story>> = {
  'what a first heartbeat must say': async (s) => {
    const whole = joining('m1', 't')
    return [
      await s.beat({ ...whole, memberId: '' }),
      await s.beat({ ...whole, memberId: ' ' }),
      await s.beat({ ...whole, memberId: '', memberEpoch: 1 }),
      await s.beat({ ...whole, memberId: '', memberEpoch: -1 }),
      await s.beat({ ...whole, memberId: '', memberEpoch: 3, version: 0 }),
      await s.beat({ ...whole, groupId: '' }),
      await s.beat({ ...whole, groupId: ' ' }),
      await s.beat({ ...whole, instanceId: '' }),
      await s.beat({ ...whole, rackId: '' }),
      await s.beat({ ...whole, rebalanceTimeoutMs: -1 }),
      await s.beat({ ...whole, owned: null }),
      await s.beat({ ...whole, owned: { t: [0] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 0, rebalanceTimeoutMs: 1_000, owned: {} }),
      await s.beat({ ...whole, memberEpoch: -3 }),
      await s.beat({ ...whole, memberEpoch: -2 }),
      await s.beat({ ...whole, serverAssignor: 'sticky' }),
      await s.beat({ ...whole, serverAssignor: '' }),
      await s.beat({ ...whole, memberEpoch: 1 }),
      await s.beat({ ...whole, memberEpoch: -1 }),
      await s.beat({ ...whole, memberEpoch: -2, instanceId: 'i' }),
      await s.beat({ ...whole, subscribedTopicRegex: '[' }),
      await s.beat({ ...whole, subscribedTopicRegex: '(?=x)' }),
      await s.describe(),
    ]
  },
  'the life of one member': async (s) => {
    await s.topic('t', 4)
    return [
      await s.beat({ ...joining('', 't'), version: 0 }),
      await s.describe(),
      await s.describe(0),
      await s.beat(joining('m1', 't')),
      await s.beat({ memberId: 'm1', memberEpoch: 3 }),
      await s.beat({ memberId: 'm1', memberEpoch: 9 }),
      await s.beat({ memberId: 'm1', memberEpoch: 1 }),
      await s.beat({ memberId: 'm2', memberEpoch: 3 }),
      await s.beat({ ...joining('m1', 't'), memberEpoch: 3 }),
      await s.beat({ memberId: 'm1', memberEpoch: -1 }),
      await s.beat({ memberId: 'm1', memberEpoch: -1 }),
      await s.beat({ memberId: 'm1', memberEpoch: 3 }),
    ]
  },
  'a member joins a new group alone, and leaves it empty': async (s) => {
    await s.topic('t', 3)
    return [
      await s.beat(joining('m1', 't')),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 0, rebalanceTimeoutMs: 1_000, subscribedTopicNames: ['t'], owned: {} }),
      await s.beat({ memberId: 'm1', memberEpoch: -1 }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 2 }),
      await s.beat(joining('m2', 't')),
      await s.describe(),
    ]
  },
  'a second member gets what the first gave up': async (s) => {
    await s.topic('t', 4)
    return [
      await s.beat(joining('m1', 't')),
      await s.beat(joining('m2', 't')),
      await s.describe(),
      await s.beat({ memberId: 'm2', memberEpoch: 3, owned: {} }),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2, 3] } }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 2 }),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2] } }),
      await s.beat({ memberId: 'm2', memberEpoch: 3, owned: {} }),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1] } }),
      await s.beat({ memberId: 'm2', memberEpoch: 3, owned: {} }),
      await s.describe(),
      await s.beat({ memberId: 'm2', memberEpoch: -1 }),
      await s.beat({ memberId: 'm1', memberEpoch: 3, owned: { t: [0, 1] } }),
      await s.describe(),
    ]
  },
  'an answer that was lost': async (s) => {
    await s.topic('t', 4)
    return [
      await s.beat(joining('m1', 't')),
      await s.beat(joining('m2', 't')),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2, 3] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 2 }),
      await s.beat({ memberId: 'm1', memberEpoch: 3 }),
      await s.beat({ memberId: 'm2', memberEpoch: 3 }),
    ]
  },
  'wishes change': async (s) => {
    await s.topic('t', 2)
    await s.topic('u', 2)
    const told = [
      await s.beat(joining('m1', 't')),
      await s.beat({ memberId: 'm1', memberEpoch: 2, subscribedTopicNames: ['t', 'u'], owned: { t: [0, 1] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 3, subscribedTopicNames: ['u', 't', 'u'], owned: { t: [0, 1], u: [0, 1] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 3, subscribedTopicNames: ['u'], owned: { t: [0, 1], u: [0, 1] } }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 3, owned: { u: [0, 1] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 4, subscribedTopicNames: ['none'], owned: { u: [0, 1] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 4, owned: {} }),
      await s.beat({ memberId: 'm1', memberEpoch: 5, subscribedTopicNames: [] }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 6, rebalanceTimeoutMs: 5_000, rackId: 'r', serverAssignor: 'range' }),
      await s.describe(),
    ]
    return told
  },
  'members that want different topics': async (s) => {
    await s.topic('t', 2)
    await s.topic('u', 4)
    return [
      await s.beat(joining('m1', 't')),
      await s.beat(joining('m2', 'u')),
      await s.beat({ memberId: 'm1', memberEpoch: 2 }),
      await s.beat({ memberId: 'm1', memberEpoch: 3, subscribedTopicNames: ['t', 'u'] }),
      await s.beat({ memberId: 'm2', memberEpoch: 3, owned: { u: [0, 1, 2, 3] } }),
      await s.beat({ memberId: 'm2', memberEpoch: 4, owned: { u: [0, 1, 2] } }),
      await s.beat({ memberId: 'm1', memberEpoch: 4 }),
      await s.describe(),
    ]
  },
  'assignors by vote': async (s) => {
    await s.topic('t', 4)
    await s.topic('u', 4)
    return [
      await s.beat({ ...joining('m1', 't', 'u'), serverAssignor: 'range' }),
      await s.describe(),
      await s.beat({ ...joining('m2', 't', 'u'), serverAssignor: 'range' }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2, 3], u: [0, 1, 2, 3] } }),
      await s.beat({ memberId: 'm2', memberEpoch: -1 }),
      await s.beat({ ...joining('m2', 't', 'u'), serverAssignor: 'uniform' }),
      await s.beat({ ...joining('m3', 't', 'u'), serverAssignor: 'uniform' }),
      // Which partitions of several topics go to whom hangs on their ids.
      ((await s.describe()) as { assignorName: string; groupEpoch: number }[]).map(({ assignorName, groupEpoch }) => ({ assignorName, groupEpoch })),
    ]
  },
  'topics come, grow and go': async (s) => {
    const told = [await s.beat(joining('m1', 't', 'u'))]
    await s.topic('t', 2)
    told.push(await s.beat({ memberId: 'm1', memberEpoch: 2, owned: {} }), await s.beat({ memberId: 'm1', memberEpoch: 3, owned: { t: [0, 1] } }))
    await s.grow('t', 3)
    told.push(await s.beat({ memberId: 'm1', memberEpoch: 3, owned: { t: [0, 1] } }))
    await s.topic('u', 1)
    told.push(await s.beat({ memberId: 'm1', memberEpoch: 4, owned: { t: [0, 1, 2] } }))
    await s.deleteTopic('t')
    told.push(
      await s.beat({ memberId: 'm1', memberEpoch: 5, owned: { t: [0, 1, 2], u: [0] } }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 5, owned: { u: [0] } }),
      await s.describe(),
    )
    return told
  },
  'static members': async (s) => {
    await s.topic('t', 4)
    const first = { ...joining('m1', 't'), instanceId: 'i' }
    return [
      await s.beat(first),
      await s.beat({ ...joining('m2', 't'), instanceId: 'i' }),
      await s.beat(first),
      await s.beat({ memberId: 'm1', memberEpoch: 2, instanceId: 'i' }),
      await s.beat({ memberId: 'm1', memberEpoch: 2 }),
      await s.beat({ memberId: 'm1', memberEpoch: 2, instanceId: 'j' }),
      await s.beat({ memberId: 'm2', memberEpoch: 2, instanceId: 'i' }),
      await s.beat({ memberId: 'm2', memberEpoch: -2, instanceId: 'i' }),
      await s.beat({ memberId: 'm1', memberEpoch: -2, instanceId: 'j' }),
      await s.beat({ memberId: 'm1', memberEpoch: -2, instanceId: 'i' }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, instanceId: 'i' }),
      await s.beat({ ...joining('m2', 't'), instanceId: 'i' }),
      await s.describe(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, instanceId: 'i' }),
      await s.beat({ memberId: 'm1', memberEpoch: 2 }),
      await s.beat({ memberId: 'm2', memberEpoch: 2, instanceId: 'i', owned: { t: [0, 1, 2, 3] } }),
      await s.beat({ memberId: 'm2', memberEpoch: -1, instanceId: 'i' }),
      await s.describe(),
      await s.beat({ memberId: 'm2', memberEpoch: -1, instanceId: 'i' }),
    ]
  },
  'a static member is away while another comes': async (s) => {
    await s.topic('t', 4)
    return [
      await s.beat({ ...joining('m1', 't'), instanceId: 'i' }),
      await s.beat({ memberId: 'm1', memberEpoch: -2, instanceId: 'i' }),
      await s.beat(joining('m2', 't')),
      await s.describe(),
      await s.beat({ ...joining('m3', 't'), instanceId: 'i' }),
      await s.beat({ memberId: 'm3', memberEpoch: 0, rebalanceTimeoutMs: 1_000, subscribedTopicNames: ['t'], owned: {}, instanceId: 'i' }),
      await s.beat({ memberId: 'm2', memberEpoch: 3, owned: {} }),
      await s.describe(),
    ]
  },
  'commits and their epochs': async (s) => {
    await s.topic('t', 4)
    const told: unknown[] = []
    for (const version of [2, 8, 9, 10]) told.push(await s.commit(version, 'm1', 1, { t: [0] }))
    await s.beat(joining('m1', 't'))
    for (const version of [2, 8, 9, 10]) {
      told.push(version, await s.commit(version, 'm1', 2, { t: [0] }), await s.commit(version, 'm1', 1, { t: [0] }))
      told.push(await s.commit(version, 'm1', 3, { t: [0] }), await s.commit(version, 'm2', 2, { t: [0] }), await s.commit(version, '', -1, { t: [0] }))
    }
    await s.beat(joining('m2', 't'))
    await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2, 3] } })
    told.push('revoking', await s.commit(9, 'm1', 2, { t: [0, 3] }))
    await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1] } })
    told.push('revoked', await s.commit(9, 'm1', 3, { t: [0, 3] }), await s.commit(9, 'm1', 2, { t: [0, 1] }), await s.commit(9, 'm1', 2, { t: [0, 3] }))
    told.push(await s.commit(9, 'm1', 1, { t: [0] }), await s.commit(10, 'm1', 2, { t: [1] }), await s.commit(9, 'm1', 2, { t: [3], none: [0] }))
    await s.beat({ memberId: 'm2', memberEpoch: 3, owned: {} })
    told.push('given', await s.commit(9, 'm2', 3, { t: [2] }), await s.commit(9, 'm2', 2, { t: [2] }))
    for (const version of [1, 2, 7, 8, 9, 10]) told.push(version, await s.fetch(version, null, -1, 't'))
    for (const version of [9, 10]) {
      told.push(version, await s.fetch(version, 'm1', 3, 't'), await s.fetch(version, 'm1', 2, 't'), await s.fetch(version, 'm1', 4, 't'))
      told.push(await s.fetch(version, 'm9', 3, 't'), await s.fetch(version, '', -1, 't'))
    }
    await s.beat({ memberId: 'm1', memberEpoch: -1 })
    await s.beat({ memberId: 'm2', memberEpoch: -1 })
    told.push('empty', await s.commit(9, '', -1, { t: [0] }), await s.commit(9, 'm1', 3, { t: [0] }), await s.commit(9, '', 3, { t: [0] }))
    return told
  },
  'a regular expression finds its topics': async (s) => {
    await s.topic('t', 2)
    const regex = `${s.fullName('t').slice(0, 1)}.*${s.fullName('t').slice(1)}`
    await s.beat({ memberId: 'm1', memberEpoch: 0, rebalanceTimeoutMs: 1_000, subscribedTopicRegex: regex, owned: {} })
    return [
      await untilAssigned(s, 'm1'),
      ((await s.describe()) as { members: { regex: unknown; has: unknown }[] }[]).map(({ members }) => members.map(({ regex, has }) => ({ regex, has }))),
    ]
  },
  administration: async (s) => {
    await s.topic('t', 2)
    await s.topic('u', 2)
    await s.beat(joining('m1', 't'))
    await s.commit(9, 'm1', 2, { t: [0], u: [0] })
    const described = async (version: number) => {
      const { groups } = await s.raw.ask([DescribeGroupsRequest, DescribeGroupsResponse] as const, version, {
        groups: [s.groupId],
        includeAuthorizedOperations: false,
      })
      return groups.map(({ groupId: _, errorMessage: __, ...group }) => group)
    }
    const listed = async (statesFilter: string[], typesFilter: string[]) => {
      const { groups } = await s.raw.ask([ListGroupsRequest, ListGroupsResponse] as const, 5, { statesFilter, typesFilter })
      return groups.filter(({ groupId }) => groupId === s.groupId).map(({ groupId: _, ...group }) => group)
    }
    const deleted = async () => {
      const { results } = await s.raw.ask([DeleteGroupsRequest, DeleteGroupsResponse] as const, 2, { groupsNames: [s.groupId] })
      return results.map(({ errorCode }) => errorCode)
    }
    const offsetsDeleted = async (topic: string) => {
      const topics = [{ name: s.fullName(topic), partitions: [{ partitionIndex: 0 }] }]
      const answer = await s.raw.ask([OffsetDeleteRequest, OffsetDeleteResponse] as const, 0, { groupId: s.groupId, topics })
      return { errorCode: answer.errorCode, partitions: answer.topics.map(({ partitions }) => partitions) }
    }
    const told = [await described(5), await described(6), await s.describe(1, `${s.groupId}-none`), await s.describe(1, '')]
    for (const states of [[], ['stable'], ['Empty'], ['Assigning', 'Reconciling']]) told.push(await listed(states, []))
    for (const types of [['consumer'], ['Consumer'], ['classic'], ['share']]) told.push(await listed([], types))
    told.push(await offsetsDeleted('t'), await offsetsDeleted('u'), await deleted())
    await s.beat({ memberId: 'm1', memberEpoch: -1 })
    told.push(await listed([], []), await described(6), await offsetsDeleted('t'), await deleted(), await deleted(), await s.describe(), await listed([], []))
    return told
  },
}

/** Every story, by a name of its own. */
export const CONSUMER_GROUP_STORIES: Readonly<Record<string, Story>> = { ...FIRST, ...CLASSIC_STORIES }

/** Plays one to a broker. */
export async function play(story: Story, peer: StoryPeer): Promise<readonly unknown[]> {
  await using stage = await GroupStage.open(peer)
  return await story(stage)
}

/** Kafka looks for topics behind the back of heartbeats. */
async function untilAssigned(s: GroupStage, memberId: string): Promise<unknown> {
  for (let epoch = 1; ; ) {
    const told = (await s.beat({ memberId, memberEpoch: epoch })) as { epoch?: number; errorCode?: number; has?: unknown }
    if (told.errorCode !== undefined) epoch++
    else if (told.has !== undefined || epoch > 5) return told.has
    else {
      const [group] = (await s.describe()) as [{ members: [{ has: unknown }] }]
      if (Object.keys(group.members[0].has as object).length > 0) return group.members[0].has
      epoch = told.epoch ?? epoch
    }
  }
}
