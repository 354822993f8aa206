import { readAssignment, writeAssignment } from '../../../src/broker/groups/consumer-protocol.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { type GroupStage, joining, type Owned } from './consumer-group-client.ts'
import type { Story } from './consumer-group-stories.ts'
import type { GroupClient, JoinWords } from './group-client.ts'

/** Groups between the protocols: classic members in groups of KIP-848, and groups that change from one to the other. */
export const CLASSIC_STORIES: Readonly<Record<string, Story>> = {
  'a classic member in a group of the new protocol': async (s) => {
    await s.topic('t', 4)
    await using classic = await s.classic()
    await s.beat(joining('m1', 't'))
    const member = new ClassicMember(s, classic)
    return [
      await member.join({ protocolType: 'connect' }),
      await member.join({ protocols: [] }),
      await member.join({ sessionTimeoutMs: 10 }),
      await member.join({ memberId: '' }),
      await member.join(),
      await s.describe(),
      await member.heartbeat(),
      await member.sync(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1, 2, 3] } }),
      await member.heartbeat(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: { t: [0, 1] } }),
      await member.heartbeat(),
      await member.sync(),
      await member.join(),
      await member.sync(),
      await member.heartbeat(),
      await s.describe(),
      await classic.heartbeat({ memberId: 'm1', generation: 3 }),
      await classic.heartbeat({ memberId: 'nobody', generation: 3 }),
      await classic.heartbeat({ memberId: member.memberId, generation: 2 }),
      await classic.sync({ memberId: 'm1', generation: 3 }),
      await classic.sync({ memberId: member.memberId, generation: 2 }),
      await classic.sync({ memberId: member.memberId, generation: 3 }, {}, { type: 'connect' }),
      await classic.sync({ memberId: member.memberId, generation: 3 }, {}, { name: 'sticky' }),
      await s.commit(8, member.memberId, 3, { t: [2] }),
      await s.commit(2, member.memberId, 3, { t: [2] }),
      await s.commit(9, member.memberId, 3, { t: [2] }),
      await s.commit(9, member.memberId, 2, { t: [2] }),
      await s.commit(9, member.memberId, 4, { t: [2] }),
      await s.fetch(9, member.memberId, 3, 't'),
      await s.fetch(9, member.memberId, 2, 't'),
      (await classic.leave([{ memberId: 'nobody' }])).members.map(({ errorCode }) => errorCode),
      (await classic.leave([{ memberId: member.memberId }])).members.map(({ errorCode }) => errorCode),
      await s.beat({ memberId: 'm1', memberEpoch: 3, owned: { t: [0, 1] } }),
      await s.describe(),
    ]
  },
  'classic members by every version': async (s) => {
    await s.topic('t', 2)
    await s.beat(joining('m1', 't'))
    const told: unknown[] = []
    for (const version of [0, 1, 3, 4, 5, 7, 9]) {
      await using classic = await s.classic({ join: version, leave: Math.min(version, 5) })
      const member = new ClassicMember(s, classic)
      told.push(version, await member.join({ memberId: '' }), await member.join())
      told.push(await classic.leave([{ memberId: member.memberId }]).then(({ errorCode }) => errorCode))
    }
    return told
  },
  'a classic group is upgraded by a member of the new protocol, and downgraded when it leaves': async (s) => {
    await s.topic('t', 4)
    await using one = await s.classic()
    const member = new ClassicMember(s, one)
    const told: unknown[] = [await member.join({ memberId: '' }), await member.join()]
    told.push(await member.lead({ t: [0, 1, 2, 3] }))
    told.push(
      await s.describe(),
      await s.beat({ ...joining('m1', 't'), memberEpoch: 1 }),
      await s.beat(joining('m1', 't')),
      await s.describe(),
      await member.heartbeat(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: {} }),
      await member.join({ owned: { t: [0, 1, 2, 3] } }),
      await member.sync(),
      await member.heartbeat(),
      await member.join({ owned: { t: [0, 1] } }),
      await member.sync(),
      await s.beat({ memberId: 'm1', memberEpoch: 2, owned: {} }),
      await s.describe(),
      (await one.describe()).groups.map(({ errorCode, groupState }) => ({ errorCode, groupState })),
      await s.beat({ memberId: 'm1', memberEpoch: -1 }),
      await s.describe(),
      (await one.describe()).groups.map(({ errorCode, groupState, protocolType, protocolData }) => ({ errorCode, groupState, protocolType, protocolData })),
      await member.heartbeat(),
      await one.heartbeat({ memberId: member.memberId, generation: 3 }),
    )
    const again = await one.join({ memberId: member.memberId, protocols: member.protocols({}) })
    told.push({ errorCode: again.errorCode, generationId: again.generationId, protocolName: again.protocolName, leads: again.leader === member.memberId })
    return told
  },
  'a classic group that cannot be upgraded': async (s) => {
    await s.topic('t', 2)
    await using classic = await s.classic()
    const first = await classic.join({ protocolType: 'connect', protocols: [{ name: 'default', metadata: Buffer.from('x') }] })
    const joined = await classic.join({ memberId: first.memberId, protocolType: 'connect', protocols: [{ name: 'default', metadata: Buffer.from('x') }] })
    const told: unknown[] = [joined.errorCode, await s.beat(joining('m1', 't'))]
    told.push((await classic.leave([{ memberId: joined.memberId }])).errorCode)
    told.push(await s.beat(joining('m1', 't')), await s.describe())
    return told
  },
  'an assignor with user data cannot be upgraded': async (s) => {
    await s.topic('t', 2)
    await using classic = await s.classic()
    const member = new ClassicMember(s, classic)
    await member.join({ memberId: '' })
    await member.join()
    const told: unknown[] = [await member.lead({ t: [0] }, Buffer.from('data'))]
    told.push(await s.beat(joining('m1', 't')), await member.heartbeat())
    return told
  },
  'an empty group takes either protocol': async (s) => {
    await s.topic('t', 2)
    await using classic = await s.classic()
    const member = new ClassicMember(s, classic)
    const told: unknown[] = [await s.beat(joining('m1', 't')), await s.commit(9, 'm1', 2, { t: [0] }), await s.beat({ memberId: 'm1', memberEpoch: -1 })]
    told.push(await classic.heartbeat({ memberId: 'm1', generation: 2 }), await classic.sync({ memberId: 'm1', generation: 2 }))
    told.push(await member.join({ memberId: '' }), await s.describe(), await member.join())
    told.push(
      (await classic.describe()).groups.map(({ groupState }) => groupState),
      await s.fetch(9, null, -1, 't'),
    )
    told.push((await classic.leave([{ memberId: member.memberId }])).errorCode)
    told.push(await s.beat(joining('m2', 't')), await s.fetch(9, null, -1, 't'), await s.describe())
    return told
  },
  'a static member comes with the other protocol': async (s) => {
    await s.topic('t', 2)
    await using classic = await s.classic()
    const member = new ClassicMember(s, classic, 'i')
    const told: unknown[] = [await member.join({ memberId: '' })]
    told.push(await member.lead({ t: [0, 1] }))
    told.push(await s.beat({ ...joining('m1', 't'), instanceId: 'i' }), await s.describe(), await member.heartbeat())
    told.push(await member.join({ memberId: '' }), await s.describe(), await member.heartbeat())
    told.push((await classic.describe()).groups.map(({ errorCode, groupState }) => ({ errorCode, groupState })))
    told.push(await s.beat({ memberId: 'm1', memberEpoch: 2, instanceId: 'i' }))
    return told
  },
}

interface ClassicJoin extends JoinWords {
  readonly owned?: Owned
}

/** A classic consumer that speaks the consumer protocol as clients do, version 1: with what it owns. */
class ClassicMember {
  memberId = ''
  generation = -1
  readonly #stage: GroupStage
  readonly #client: GroupClient
  readonly #instanceId: string | null

  constructor(stage: GroupStage, client: GroupClient, instanceId: string | null = null) {
    this.#stage = stage
    this.#client = client
    this.#instanceId = instanceId
  }

  protocols(owned: Owned): { name: string; metadata: Uint8Array }[] {
    return [{ name: 'range', metadata: subscriptionTo(this.#stage.fullName('t'), this.#named(owned)) }]
  }

  async join({ owned = {}, ...words }: ClassicJoin = {}): Promise<unknown> {
    const answer = await this.#client.join({ memberId: this.memberId, instanceId: this.#instanceId, protocols: this.protocols(owned), ...words })
    if (answer.errorCode === 0 || answer.errorCode === 79) this.memberId = answer.memberId
    if (answer.errorCode === 0) this.generation = answer.generationId
    const { errorCode, generationId, protocolType, protocolName, leader, skipAssignment, members } = answer
    return { errorCode, generationId, protocolType, protocolName, leads: leader === answer.memberId, skipAssignment, members: members.length }
  }

  async sync(): Promise<unknown> {
    const answer = await this.#client.sync({ memberId: this.memberId, generation: this.generation, instanceId: this.#instanceId })
    const { errorCode, protocolType, protocolName, assignment } = answer
    const read = errorCode === 0 ? readAssignment(assignment) : null
    const has = read?.partitions.map(({ topicName, partitions }) => [topicName === this.#stage.fullName('t') ? 't' : topicName, [...partitions].sort()])
    return { errorCode, protocolType, protocolName, version: errorCode === 0 ? assignment[1] : null, has: has ?? null }
  }

  /** SyncGroup of a leader that is alone. */
  async lead(assignment: Owned, userData: Uint8Array | null = null): Promise<number> {
    const bytes = assignmentOf(this.#named(assignment), userData)
    const answer = await this.#client.raw.ask([SyncGroupRequest, SyncGroupResponse] as const, this.#client.versions.sync, {
      groupId: this.#client.groupId,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.#instanceId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId: this.memberId, assignment: bytes }],
    })
    return answer.errorCode
  }

  heartbeat(): Promise<number> {
    return this.#client.heartbeat({ memberId: this.memberId, generation: this.generation, instanceId: this.#instanceId })
  }

  #named(owned: Owned): (readonly [string, readonly number[]])[] {
    return Object.entries(owned).map(([topic, partitions]) => [this.#stage.fullName(topic), partitions] as const)
  }
}

type Named = readonly (readonly [topicName: string, partitions: readonly number[]])[]

/** ConsumerProtocolSubscription version 1 to one topic. */
function subscriptionTo(topic: string, owned: Named): Buffer {
  return Buffer.concat([int16(1), int32(1), text(topic), int32(-1), topicPartitions(owned)])
}

/** ConsumerProtocolAssignment version 1. */
function assignmentOf(assignment: Named, userData: Uint8Array | null): Buffer {
  const bytes = Buffer.from(
    writeAssignment(
      1,
      assignment.map(([topicName, partitions]) => ({ topicName, partitions })),
    ),
  )
  return userData === null ? bytes : Buffer.concat([bytes.subarray(0, -4), int32(userData.length), userData])
}

function topicPartitions(named: Named): Buffer {
  const topics = named.map(([topic, partitions]) => Buffer.concat([text(topic), int32(partitions.length), ...partitions.map(int32)]))
  return Buffer.concat([int32(named.length), ...topics])
}

function text(value: string): Buffer {
  return Buffer.concat([int16(value.length), Buffer.from(value)])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
