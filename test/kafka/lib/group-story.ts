import { setTimeout as sleep } from 'node:timers/promises'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../src/kafka/messages/delete-groups.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/kafka/messages/find-coordinator.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../src/kafka/messages/list-groups.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../../src/kafka/messages/offset-delete.ts'
import type { HostPort } from '../../../src/runtime/network.ts'
import { GroupClient, subscription, type Versions } from './group-client.ts'
import { RawClient } from './raw-client.ts'

/** What a broker said, in words that do not depend on ids and ports: comparable between brokers, line by line. */
export type Transcript = Map<string, string>

/** Asks a broker everything about groups, in every version, in an order that does not depend on timing. */
export async function askAboutGroups(address: HostPort): Promise<Transcript> {
  const story = new Story(address)
  await story.prepare()
  await story.coordinators()
  for (let step = 0; step <= 9; step++) await story.lifeOfAGroup(versionsAt(step))
  for (const join of [5, 7, 9]) await story.staticMembers(join)
  await story.administration()
  return story.transcript
}

/** Every API's `step`-th version, or its newest. */
function versionsAt(step: number): Versions {
  const at = (first: number, last: number) => Math.min(first + step, last)
  return { join: at(0, 9), sync: at(0, 5), heartbeat: at(0, 4), leave: at(0, 5), commit: at(2, 10), fetch: at(1, 10), describe: at(0, 6) }
}

class Story {
  readonly transcript: Transcript = new Map()
  readonly #address: HostPort
  readonly #names = new Map<string, string>()
  #topicId = ''

  constructor(address: HostPort) {
    this.#address = address
  }

  async prepare(): Promise<void> {
    await using client = await RawClient.connect(this.#address)
    const topic = { name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
    const made = await client.ask([CreateTopicsRequest, CreateTopicsResponse] as const, 7, { topics: [topic], timeoutMs: 10_000, validateOnly: false })
    this.#topicId = made.topics[0]?.topicId ?? ''
    this.#names.set(this.#topicId, 'TOPIC')
    // Kafka makes its offsets topic when it is first asked for it.
    for (let attempt = 0; attempt < 100; attempt++) {
      const found = await client.ask([FindCoordinatorRequest, FindCoordinatorResponse] as const, 6, { key: '', keyType: 0, coordinatorKeys: ['g'] })
      if (found.coordinators[0]?.errorCode === 0) return
      await sleep(100)
    }
    throw new Error('the broker has no group coordinator')
  }

  async coordinators(): Promise<void> {
    await using client = await RawClient.connect(this.#address)
    const messages = [FindCoordinatorRequest, FindCoordinatorResponse] as const
    for (let version = 0; version <= 6; version++) {
      for (const key of ['g', '']) {
        const found = await client.ask(messages, version, { key, keyType: 0, coordinatorKeys: [key, 'other'] })
        const coordinators = found.coordinators.map(({ nodeId: _, host: __, port: ___, ...rest }) => rest)
        this.#say(`FindCoordinator v${version} "${key}"`, { errorCode: found.errorCode, errorMessage: found.errorMessage, coordinators })
      }
    }
    const share = await client.ask(messages, 5, { key: '', keyType: 2, coordinatorKeys: ['g:x:0'] })
    this.#say('FindCoordinator v5 share', share.coordinators)
    const garbled = await client.ask(messages, 6, { key: '', keyType: 2, coordinatorKeys: ['g'] })
    this.#say('FindCoordinator v6 share, bad key', garbled.coordinators)
  }

  /** Two members come, rebalance, commit and go. */
  async lifeOfAGroup(versions: Versions): Promise<void> {
    const groupId = `g-${versions.join}-${versions.commit}`
    const say = (what: string, answer: unknown) => this.#say(`${JSON.stringify(versions)} ${what}`, answer)
    await using one = await GroupClient.connect(this.#address, groupId, versions)
    await using two = await GroupClient.connect(this.#address, groupId, versions)
    const topicId = this.#topicId

    say('join without group id', await one.join({ groupId: '' }))
    say('join with a short session', await one.join({ sessionTimeoutMs: 5_999 }))
    say('join with a long session', await one.join({ sessionTimeoutMs: 1_800_001 }))
    say('join an unknown group with a member id', await one.join({ groupId: `${groupId}-u`, memberId: 'm' }))
    say('join without protocols', await one.join({ groupId: `${groupId}-p`, protocols: [] }))
    say('join without protocol type', await one.join({ groupId: `${groupId}-q`, protocolType: '' }))
    say('heartbeat of an unknown group', await one.heartbeat({ memberId: 'm', generation: 1 }))
    say('heartbeat without group id', await one.heartbeat({ groupId: '', memberId: 'm', generation: 1 }))
    say('sync of an unknown group', await one.sync({ memberId: 'm', generation: 1 }))
    say('sync without group id', await one.sync({ groupId: '', memberId: 'm', generation: 1 }))
    say('leave of an unknown group', await one.leave([{ memberId: 'm' }]))
    say('leave without group id', await one.leave([{ memberId: 'm' }], ''))
    say('describe an unknown group', await one.describe())
    say('commit to an unknown group with a generation', await one.commit({ memberId: 'm', generation: 1, topicId }))
    say('fetch of an unknown group', await one.fetch([0, 7], topicId))
    say('fetch all of an unknown group', await one.fetch(null))

    const first = await one.join()
    say('first join', first)
    const joined = first.errorCode === 79 ? await one.join({ memberId: first.memberId }) : first
    say('second join', joined)
    const leader = { memberId: joined.memberId, generation: joined.generationId }
    say('describe in CompletingRebalance', await one.describe())
    say('heartbeat in CompletingRebalance', await one.heartbeat(leader))
    say('commit in CompletingRebalance', await one.commit({ ...leader, topicId }))
    say('join again in CompletingRebalance', await one.join({ memberId: leader.memberId }))
    say('sync with a wrong generation', await one.sync({ ...leader, generation: 9 }))
    say('sync of an unknown member', await one.sync({ ...leader, memberId: 'm' }))
    say('sync with a wrong type', await one.sync(leader, { [leader.memberId]: 'all' }, { type: 'connect' }))
    say('sync', await one.sync(leader, { [leader.memberId]: 'all', nobody: 'x' }))
    say('sync again', await one.sync(leader))
    say('describe in Stable', await one.describe())
    say('heartbeat', await one.heartbeat(leader))
    say('heartbeat with a wrong generation', await one.heartbeat({ ...leader, generation: 9 }))
    say('heartbeat of an unknown member and generation', await one.heartbeat({ memberId: 'm', generation: 9 }))

    say('commit', await one.commit({ ...leader, topicId, offset: 5 }))
    say('commit without metadata', await one.commit({ ...leader, topicId, partition: 1, offset: 6, metadata: null }))
    say('commit with long metadata', await one.commit({ ...leader, topicId, metadata: 'x'.repeat(4_097) }))
    say('commit to an unknown partition', await one.commit({ ...leader, topicId, partition: 9 }))
    say('commit to an unknown topic', await one.commit({ ...leader, topic: 'none', topicId: '7Wb8aVuYR_-HtS3y4f5tbA' }))
    say('commit with a wrong generation', await one.commit({ ...leader, topicId, generation: 9 }))
    say('commit of an unknown member', await one.commit({ ...leader, topicId, memberId: 'm' }))
    say('commit without member', await one.commit({ topicId }))
    say('commit without group id', await one.commit({ groupId: '', topicId, offset: 3 }))
    say('fetch', await one.fetch([0, 1, 7], topicId))
    say('fetch all', await one.fetch(null))
    say('fetch stable', await one.fetch([0], topicId, groupId, true))
    say('fetch by a wrong id', await one.fetch([0], versions.fetch >= 10 ? '7Wb8aVuYR_-HtS3y4f5tbA' : topicId))

    say('join with another type', await two.enter({ protocolType: 'connect' }))
    say('join with no common protocol', await two.enter({ protocols: [{ name: 'sticky', metadata: subscription() }] }))
    const parked = two.enter({ protocols: [{ name: 'range', metadata: subscription('two') }] })
    while ((await one.heartbeat(leader)) === 0) await sleep(5)
    say('heartbeat in PreparingRebalance', await one.heartbeat(leader))
    say('sync in PreparingRebalance', await one.sync(leader))
    say('commit in PreparingRebalance', await one.commit({ ...leader, topicId, offset: 7 }))
    say('describe in PreparingRebalance', await one.describe())
    const again = await one.join({ memberId: leader.memberId })
    say('rejoin', again)
    const other = await parked
    say('join of the second', other)
    const follower = { memberId: other.memberId, generation: other.generationId }
    const next = { ...leader, generation: again.generationId }
    const synced = two.sync(follower)
    say('sync of the leader', await one.sync(next, { [next.memberId]: 'one', [follower.memberId]: 'two' }))
    say('sync of the follower', await synced)
    say(
      'join of an unchanged follower in Stable',
      await two.join({ memberId: follower.memberId, protocols: [{ name: 'range', metadata: subscription('two') }] }),
    )
    say('heartbeat after it', await one.heartbeat(next))
    say('leave of the follower', await two.leave([{ memberId: follower.memberId }]))
    say('heartbeat after the leave', await one.heartbeat(next))
    say('leave of the follower, again', await two.leave([{ memberId: follower.memberId }]))
    say('leave of the leader', await one.leave([{ memberId: next.memberId }]))
    say('describe in Empty', await one.describe())
    say('heartbeat in Empty', await one.heartbeat(next))
    say('sync in Empty', await one.sync(next))
    say('commit with a generation in Empty', await one.commit({ ...next, topicId }))
    say('commit without member in Empty', await one.commit({ topicId, offset: 8 }))
    say('fetch in Empty', await one.fetch([0], topicId))
  }

  async staticMembers(join: number): Promise<void> {
    const groupId = `s-${join}`
    const say = (what: string, answer: unknown) => this.#say(`static v${join} ${what}`, answer)
    await using one = await GroupClient.connect(this.#address, groupId, { join })
    await using two = await GroupClient.connect(this.#address, groupId, { join })
    const topicId = this.#topicId
    const first = await one.join({ instanceId: 'i' })
    say('first join', first)
    const old = { memberId: first.memberId, generation: first.generationId, instanceId: 'i' }
    say('sync', await one.sync(old, { [old.memberId]: 'all' }))
    const back = await two.join({ instanceId: 'i' })
    say('the leader comes back', back)
    say('heartbeat of the old id', await one.heartbeat(old))
    say('heartbeat of the old id without instance', await one.heartbeat({ ...old, instanceId: null }))
    say('sync of the old id', await one.sync(old))
    say('commit of the old id', await one.commit({ ...old, topicId }))
    say('join of the old id', await one.join({ memberId: old.memberId, instanceId: 'i' }))
    say('leave of the old id', await one.leave([{ memberId: old.memberId, groupInstanceId: 'i' }]))
    say('heartbeat of an unknown instance', await two.heartbeat({ ...old, memberId: back.memberId, instanceId: 'j' }))
    say('sync of the new id', await two.sync({ ...old, memberId: back.memberId }))
    say('describe', await two.describe())
    say('leave by instance id', await two.leave([{ memberId: '', groupInstanceId: 'i' }, { memberId: '', groupInstanceId: 'j' }, { memberId: 'm' }]))
    say('describe after it', await two.describe())
  }

  async administration(): Promise<void> {
    await using raw = await RawClient.connect(this.#address)
    await using busy = await GroupClient.connect(this.#address, 'busy')
    const joined = await busy.enter()
    const member = { memberId: joined.memberId, generation: joined.generationId }
    await busy.sync(member, { [member.memberId]: 'all' })
    await busy.commit({ ...member, topicId: this.#topicId })
    await busy.commit({ groupId: 'idle', topicId: this.#topicId })
    for (let version = 0; version <= 5; version++) {
      for (const [states, types] of [
        [[], []],
        [['stable'], []],
        [['Empty'], []],
        [['Dead'], []],
        [['nonsense'], []],
        [[], ['classic']],
        [[], ['Consumer']],
      ] as const) {
        if ((version < 4 && states.length > 0) || (version < 5 && types.length > 0)) continue
        const listed = await raw.ask([ListGroupsRequest, ListGroupsResponse] as const, version, { statesFilter: states, typesFilter: types })
        const groups = listed.groups.filter(({ groupId }) => ['busy', 'idle'].includes(groupId)).sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
        this.#say(`ListGroups v${version} ${states} ${types}`, { ...listed, groups })
      }
    }
    const remove = (groupId: string, name: string, ...partitions: number[]) =>
      raw.ask([OffsetDeleteRequest, OffsetDeleteResponse] as const, 0, {
        groupId,
        topics: [{ name, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
      })
    this.#say('OffsetDelete of a consumed topic', await remove('busy', 't', 0))
    this.#say('OffsetDelete of an unknown topic', await remove('idle', 'none', 0))
    this.#say('OffsetDelete of an unknown group', await remove('nobody', 't', 0))
    this.#say('OffsetDelete without group id', await remove('', 't', 0))
    this.#say('OffsetDelete', await remove('idle', 't', 0, 1, 9))
    for (let version = 0; version <= 3; version++) {
      await busy.commit({ groupId: `idle-${version}`, topicId: this.#topicId })
      const groupsNames = ['busy', `idle-${version}`, 'nobody', 'nobody']
      const deleted = await raw.ask([DeleteGroupsRequest, DeleteGroupsResponse] as const, version, { groupsNames })
      const results = [...deleted.results].sort((a, b) => (a.groupId < b.groupId ? -1 : 1)).map(({ errorMessage: _, ...result }) => result)
      this.#say(`DeleteGroups v${version}`, { ...deleted, results })
    }
    const blank = { transactionalId: null, transactionTimeoutMs: 1_000, producerId: -1, producerEpoch: -1 }
    // Kafka's first answers are that it is still loading.
    while ((await raw.ask([InitProducerIdRequest, InitProducerIdResponse] as const, 5, blank)).errorCode === 14) await sleep(50)
    for (let version = 0; version <= 5; version++) {
      for (const [producerId, producerEpoch] of [
        [-1, -1],
        [5, -1],
        [-1, 5],
        [5, 5],
      ] as const) {
        if (version < 3 && producerId + producerEpoch > -2) continue
        const request = { transactionalId: null, transactionTimeoutMs: 1_000, producerId, producerEpoch }
        const given = await raw.ask([InitProducerIdRequest, InitProducerIdResponse] as const, version, request)
        this.#say(`InitProducerId v${version} ${producerId} ${producerEpoch}`, { ...given, producerId: given.producerId >= 0 ? 'an id' : given.producerId })
      }
    }
    const empty = { transactionalId: '', transactionTimeoutMs: 1_000, producerId: -1, producerEpoch: -1 }
    this.#say('InitProducerId with an empty id', await raw.ask([InitProducerIdRequest, InitProducerIdResponse] as const, 4, empty))
  }

  #say(what: string, answer: unknown): void {
    if (this.transcript.has(what)) throw new Error(`"${what}" is asked twice`)
    this.transcript.set(what, this.#anonymous(JSON.stringify(answer, comparable)))
  }

  /** Ids in the order they were seen. */
  #anonymous(text: string): string {
    const ids = /(raw|i)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
    return text.replaceAll(this.#topicId, 'TOPIC').replace(ids, (id, prefix: string) => {
      const name = this.#names.get(id) ?? `${prefix}#${this.#names.size}`
      this.#names.set(id, name)
      return name
    })
  }
}

/** Bytes as text; members and partitions in order, since Kafka's hash maps have none; words for people left out. */
function comparable(field: string, value: unknown): unknown {
  if (field === 'errorMessage') return value === null || value === 'NONE' ? value : 'words'
  if (isBuffer(value)) return Buffer.from(value.data).toString('latin1')
  if (!Array.isArray(value)) return value
  if (field === 'members')
    return value.toSorted((a, b) => compare(a.metadata ?? a.memberAssignment ?? a.memberId, b.metadata ?? b.memberAssignment ?? b.memberId))
  if (field === 'partitions') return value.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
  return value
}

function isBuffer(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
}

function compare(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}
