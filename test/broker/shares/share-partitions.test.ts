import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerContext } from '../../../src/broker/broker.ts'
import type { StagedChange } from '../../../src/broker/groups/offsets.ts'
import type { ShareGroupConfigs } from '../../../src/broker/shares/ports.ts'
import type { AckFault, Acknowledgement } from '../../../src/broker/shares/share-partition.ts'
import { SharePartitions } from '../../../src/broker/shares/share-partitions.ts'
import { STATE_KINDS } from '../../../src/broker/state-kinds.ts'
import { TopicRegistry } from '../../../src/broker/topics/topic-registry.ts'
import type { AppendGroup, LogFailure, StateMachine, StateRecord } from '../../../src/log/ports.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { batchOf } from '../../kafka/lib/batches.ts'
import { HeldLog, type HeldPartition } from '../../kafka/lib/held-log.ts'
import { openSecurity } from '../groups/support/world.ts'
import { sharePolicy } from './policy.ts'

const DISK_SAYS_NO: LogFailure = { code: 'storage-error', message: 'the disk said no' }

/** A log whose state records outlive the process. */
class StateKeepingLog extends HeldLog {
  readonly durable: StateRecord[] = []
  shares: StateMachine | null = null

  override register(machine: StateMachine): void {
    if (machine.kind === STATE_KINDS.shareState) this.shares = machine
  }

  override append(group: AppendGroup): void {
    super.append({
      ...group,
      onDone: (failed) => {
        if (failed === null) this.durable.push(...group.state)
        group.onDone(failed)
      },
    })
  }
}

class World {
  readonly clock = new ManualClock()
  readonly log = new StateKeepingLog()
  readonly topics: TopicRegistry
  readonly #configs: Partial<ShareGroupConfigs>
  readonly #context: BrokerContext
  shares: SharePartitions

  constructor(configs: Partial<ShareGroupConfigs> = {}) {
    const random = new SeededRandom(1)
    this.topics = new TopicRegistry(this.log, random, { numPartitions: 1, maxPartitions: 100 })
    this.#context = { clock: this.clock, random, log: this.log, topics: this.topics, security: openSecurity() }
    this.#configs = configs
    this.shares = new SharePartitions(this.#context, sharePolicy(configs))
    this.topics.create({ name: 't', partitions: 2 }, () => {})
  }

  get topicId(): string {
    return this.topics.get('t')?.id ?? ''
  }

  partition(index = 0) {
    const partition = this.topics.get('t')?.partitions[index]
    assert.ok(partition)
    return partition
  }

  async produce(count: number, index = 0): Promise<void> {
    const { log } = this.partition(index)
    this.log.append({
      batches: [{ partition: log, bytes: batchOf(Array.from({ length: count }, () => 'r')) }],
      state: [],
      durability: 'written',
      // Only where offsets are asked for does this log give any.
      onAssigned: () => {},
      onDone: () => {},
    })
    await settled()
  }

  key(groupId = 'g', partition = 0) {
    return { groupId, topicId: this.topicId, partition }
  }

  /** Loads a share partition and takes all it has: `0-4×1`. */
  async take(member: string, groupId = 'g', index = 0): Promise<string> {
    const slot = this.shares.slot(groupId, this.partition(index))
    await settled()
    const from = slot.share?.nextOffset() ?? null
    if (slot.share === null || from === null) return ''
    const { log } = this.partition(index)
    const read = log.readTail(from, { maxBytes: 1_000_000, atLeastOne: true, endOffset: log.highWatermark })
    const ranges = slot.share.acquire(from, read?.batches ?? [], { member, maxRecords: 500, batchSize: 500, exact: false })
    return ranges.map(({ first, last, deliveryCount }) => `${first}-${last}×${deliveryCount}`).join(' ')
  }

  /** What is said to it: `kept`, a reason, or undefined while nothing is. */
  acknowledge(member: string, acknowledgements: readonly Acknowledgement[]): { said?: AckFault['reason'] | 'kept' } {
    const answer: { said?: AckFault['reason'] | 'kept' } = {}
    this.shares.acknowledge(this.key(), member, acknowledgements, (fault) => {
      answer.said = fault?.reason ?? 'kept'
    })
    return answer
  }

  async append(change: StagedChange): Promise<void> {
    this.log.append({ batches: [], state: change.records, durability: 'durable', onDone: (failed) => change.settle(failed === null) })
    await settled()
  }

  /** Another process over what is durable. */
  restart(configs = this.#configs): void {
    this.shares.close()
    this.shares = new SharePartitions(this.#context, sharePolicy(configs))
    for (const { key, value } of this.log.durable.filter(({ kind }) => kind === STATE_KINDS.shareState)) this.log.shares?.apply(key, value)
    this.shares.open()
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('a group begins where its reset says when it is first fetched for, and remembers that', async () => {
  const world = new World({ autoOffsetReset: 'latest' })
  await world.produce(3)
  assert.equal(world.shares.summary('g', world.topicId, 0), null)
  assert.equal(await world.take('a'), '')
  await world.produce(2)
  world.restart()
  assert.equal(await world.take('a'), '3-4×1')
})

test('what members come to for the first time is known from then on: the end is the end of that moment', async () => {
  const world = new World({ autoOffsetReset: 'latest' })
  await world.produce(3)
  await world.append(world.shares.stageFirst('g', [{ topicId: world.topicId, partition: 0 }]))
  await world.produce(2)
  assert.deepEqual(world.shares.summary('g', world.topicId, 0), { startOffset: 3, leaderEpoch: 3, lag: 2 })
  assert.deepEqual([...world.shares.partitionsOf('g')], [[world.topicId, [0]]])
  assert.deepEqual(world.shares.stageFirst('g', [{ topicId: world.topicId, partition: 0 }]).records, [])
  world.restart()
  assert.equal(await world.take('a'), '3-4×1')
})

test('a duration back from now is looked for when it is first fetched', async () => {
  const world = new World({ autoOffsetReset: { durationMs: 1_000 } })
  await world.produce(3)
  await world.append(world.shares.stageFirst('g', [{ topicId: world.topicId, partition: 0 }]))
  assert.deepEqual(world.shares.summary('g', world.topicId, 0), { startOffset: -1, leaderEpoch: 3, lag: -1 })
  // Its records are older than that: it begins at the end.
  assert.equal(await world.take('a'), '')
  await settled()
  assert.equal(world.shares.summary('g', world.topicId, 0)?.startOffset, 3)
})

test('an acknowledgement is told when it is durable, and taken back where the disk refuses it', async () => {
  const world = new World()
  await world.produce(4)
  assert.equal(await world.take('a'), '0-3×1')
  world.log.held = true
  const kept = world.acknowledge('a', [{ first: 0, last: 0, kind: 'accept' }])
  await settled()
  assert.equal(kept.said, undefined)
  assert.equal(world.acknowledge('a', [{ first: 0, last: 0, kind: 'accept' }]).said, 'not-acquired')
  world.log.release()
  assert.equal(kept.said, 'kept')
  world.log.failure = DISK_SAYS_NO
  const refused = world.acknowledge('a', [{ first: 1, last: 3, kind: 'release' }])
  await settled()
  assert.equal(refused.said, 'not-kept')
  world.log.failure = null
  const again = world.acknowledge('a', [{ first: 1, last: 3, kind: 'release' }])
  await settled()
  assert.equal(again.said, 'kept')
  assert.equal(await world.take('b'), '1-3×2')
})

test('states and delivery counts outlive the process, also by a snapshot', async () => {
  const world = new World()
  await world.produce(6)
  assert.equal(await world.take('a'), '0-5×1')
  world.acknowledge('a', [
    { first: 0, last: 0, kind: 'accept' },
    { first: 2, last: 2, kind: 'release' },
    { first: 4, last: 4, kind: 'reject' },
  ])
  await settled()
  assert.equal(world.shares.summary('g', world.topicId, 0)?.lag, 4)
  world.restart()
  assert.equal(await world.take('b'), '1-1×1 2-2×2 3-3×1 5-5×1')
  const snapshot = [...(world.log.shares?.entries() ?? [])]
  world.log.durable.splice(0, world.log.durable.length, ...snapshot.map(([key, value]) => ({ kind: STATE_KINDS.shareState, key, value })))
  world.restart()
  assert.equal(await world.take('c'), '1-1×1 2-2×2 3-3×1 5-5×1')
})

test('a snapshot holds what is on its way, and not what the disk refused', async () => {
  const world = new World()
  await world.produce(2)
  await world.take('a')
  world.log.held = true
  world.acknowledge('a', [{ first: 0, last: 1, kind: 'accept' }])
  const before = Buffer.from([...(world.log.shares?.entries() ?? [])][0]?.[1] ?? [])
  world.log.release()
  const after = Buffer.from([...(world.log.shares?.entries() ?? [])][0]?.[1] ?? [])
  assert.deepEqual(before, after)
  await world.produce(1)
  await world.take('a')
  world.log.failure = DISK_SAYS_NO
  world.acknowledge('a', [{ first: 2, last: 2, kind: 'accept' }])
  await settled()
  assert.deepEqual(Buffer.from([...(world.log.shares?.entries() ?? [])][0]?.[1] ?? []), after)
})

test('a start that is set anew ends what members have', async () => {
  const world = new World()
  await world.produce(5)
  assert.equal(await world.take('a'), '0-4×1')
  await world.append(world.shares.stageStarts('g', [{ topicId: world.topicId, partition: 0, startOffset: 2 }]))
  assert.equal(world.acknowledge('a', [{ first: 0, last: 4, kind: 'accept' }]).said, 'gone')
  assert.equal(await world.take('b'), '2-4×1')
  world.log.failure = DISK_SAYS_NO
  await world.append(world.shares.stageStarts('g', [{ topicId: world.topicId, partition: 0, startOffset: 0 }]))
  world.log.failure = null
  assert.equal(world.shares.summary('g', world.topicId, 0)?.startOffset, 2)
  assert.equal(await world.take('c'), '2-4×1')
})

test('what is kept of a group, or of a topic of it, can be deleted', async () => {
  const world = new World()
  await world.produce(2)
  await world.take('a')
  await world.take('a', 'other')
  assert.equal(world.shares.hasState('g'), true)
  await world.append(world.shares.stageDeletion('g', ['another-topic']))
  assert.equal(world.shares.hasState('g'), true)
  await world.append(world.shares.stageDeletion('g', null))
  assert.equal(world.shares.hasState('g'), false)
  assert.deepEqual([...world.shares.groupIds()], ['other'])
  world.restart()
  assert.deepEqual([...world.shares.groupIds()], ['other'])
  assert.equal(await world.take('a'), '0-1×1')
})

test('nothing is kept of a topic that is gone, also where that was not said in time', async () => {
  const world = new World()
  await world.produce(2)
  await world.take('a')
  const topic = world.topics.get('t')
  assert.ok(topic)
  world.topics.delete(topic, () => {})
  assert.equal(world.shares.size, 0)
  await settled()
  assert.equal(world.shares.hasState('g'), false)
  // The deletion of the topic was durable, the other one was not.
  world.log.durable.splice(
    world.log.durable.findLastIndex(({ kind }) => kind === STATE_KINDS.shareState),
    1,
  )
  world.restart()
  await settled()
  assert.equal(world.shares.hasState('g'), false)
})

test('when nobody fetches for a group any more, what they have is free, and memory too', async () => {
  const world = new World()
  await world.produce(2)
  assert.equal(await world.take('a'), '0-1×1')
  world.shares.releaseGroup('g')
  assert.equal(world.shares.size, 1)
  await settled()
  assert.equal(world.shares.size, 0)
  assert.equal(await world.take('b'), '0-1×2')
  world.log.failure = DISK_SAYS_NO
  world.shares.releaseGroup('g')
  await settled()
  // Only here it is known how often they were delivered.
  assert.equal(world.shares.size, 1)
})

test('records that an unclean end of the log took away are not taken for others', async () => {
  const world = new World()
  await world.produce(6)
  assert.equal(await world.take('a'), '0-5×1')
  world.acknowledge('a', [{ first: 2, last: 5, kind: 'accept' }])
  await settled()
  const log = world.partition().log as HeldPartition
  log.batches.length = 0
  log.logEndOffset = 0
  log.highWatermark = 0
  await world.produce(4)
  world.restart()
  assert.equal(await world.take('b'), '0-1×1')
  assert.equal(world.shares.slot('g', world.partition()).share?.endOffset, 4)
})

test('the log start passes a start that nobody moved', async () => {
  const world = new World()
  await world.produce(3)
  await world.produce(3)
  assert.equal(await world.take('a'), '0-5×1')
  const log = world.partition().log as HeldPartition
  log.logStartOffset = 4
  log.onStartRaised?.(4)
  assert.equal(world.shares.slot('g', world.partition()).share?.startOffset, 4)
  assert.equal(world.shares.summary('g', world.topicId, 0)?.lag, 2)
  await settled()
  assert.equal(world.acknowledge('a', [{ first: 0, last: 3, kind: 'accept' }]).said, 'kept')
  assert.equal(world.acknowledge('a', [{ first: 3, last: 4, kind: 'accept' }]).said, undefined)
  await settled()
  assert.deepEqual(world.shares.summary('g', world.topicId, 0)?.startOffset, 5)
})

test('an acknowledgement of what was dealt with already holds only when the disk knows that', async () => {
  const world = new World({ deliveryCountLimit: 1, recordLockDurationMs: 1_000 })
  await world.produce(1)
  assert.equal(await world.take('a'), '0-0×1')
  world.log.failure = DISK_SAYS_NO
  // Its time is over, and it was the last delivery: the group is beyond it, in memory.
  world.clock.advance(1_000)
  await settled()
  const refused = world.acknowledge('a', [{ first: 0, last: 0, kind: 'accept' }])
  await settled()
  assert.equal(refused.said, 'not-kept')
  world.log.failure = null
  const kept = world.acknowledge('a', [{ first: 0, last: 0, kind: 'accept' }])
  await settled()
  assert.equal(kept.said, 'kept')
  world.restart()
  assert.equal(await world.take('b'), '')
})
