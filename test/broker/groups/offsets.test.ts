import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitErrorOf, type Waiting, World } from './support/world.ts'

const world = (settings = {}) => new World(settings).open()
const DAY_MS = 86_400_000

function deleteOffsets(it: World, ...offsets: (readonly [topicName: string, partition: number])[]): Waiting<string | string[]> {
  const waiting: Waiting<string | string[]> = { result: undefined }
  it.groups.deleteOffsets(
    'g',
    offsets.map(([topicName, partition]) => ({ topicName, partition })),
    (result) => {
      waiting.result = 'kafka' in result ? result.name : result.map((error) => error?.name ?? 'NONE')
    },
  )
  return waiting
}

function deleteGroups(it: World, ...ids: string[]): Waiting<string[]> {
  const waiting: Waiting<string[]> = { result: undefined }
  it.groups.delete(ids, (errors) => {
    waiting.result = errors.map((error) => error?.name ?? 'NONE')
  })
  return waiting
}

test('a commit is answered, and seen, when it is durable', async () => {
  const it = await world()
  it.topic('t')
  const waiting = it.commit({ offset: 5 })
  assert.equal(commitErrorOf(waiting), 'waiting')
  assert.equal(it.committed(), -1)
  it.log.commit()
  assert.equal(commitErrorOf(waiting), 'NONE')
  assert.equal(it.committed(), 5)
})

test('a commit that the disk refuses is not seen', async () => {
  const it = await world()
  it.commit({ offset: 5 })
  it.log.commit()
  const waiting = it.commit({ offset: 6 })
  it.log.fail()
  assert.equal(commitErrorOf(waiting), 'NOT_COORDINATOR')
  assert.equal(it.committed(), 5)
  assert.deepEqual(it.log.snapshot(), it.log.durable)
})

test('metadata, leader epoch and negative offsets come back as they were', async () => {
  const it = await world()
  it.commit({ offset: -1, leaderEpoch: 3, metadata: 'naïve ✓' })
  it.log.commit()
  const next = await it.restart()
  const { offset, leaderEpoch, metadata } = next.groups.offset('g', 't', 0) ?? {}
  assert.deepEqual({ offset, leaderEpoch, metadata }, { offset: -1, leaderEpoch: 3, metadata: 'naïve ✓' })
})

test('metadata of more than 4,096 characters is refused, of 4,096 is not', async () => {
  const it = await world()
  it.topic('t')
  assert.equal(commitErrorOf(it.commit({ offset: 1, metadata: 'x'.repeat(4_097) })), 'OFFSET_METADATA_TOO_LARGE')
  const fits = it.commit({ offset: 1, metadata: 'x'.repeat(4_096) })
  it.log.commit()
  assert.equal(commitErrorOf(fits), 'NONE')
})

test('generation -1 makes a simple group of an unknown one', async () => {
  const it = await world()
  it.commit({ offset: 1 })
  it.log.commit()
  assert.deepEqual(it.groups.list({ states: [], types: [] }), [{ groupId: 'g', state: 'Empty', protocolType: '', type: 'classic' }])
})

test('a generation of an unknown group is 69 from v9 on and 22 before', async () => {
  const it = await world()
  const by = { ...(await joined()), generation: 3 }
  assert.equal(commitErrorOf(it.commit({ by, offset: 1 })), 'GROUP_ID_NOT_FOUND')
  assert.equal(commitErrorOf(it.commit({ by, offset: 1, knowsGroupIdNotFound: false })), 'ILLEGAL_GENERATION')
})

async function joined() {
  const [member] = (await world()).stable({})
  assert(member)
  return member
}

test('without a member id a group with members takes no commit', async () => {
  const it = await world()
  it.stable({})
  assert.equal(commitErrorOf(it.commit({ offset: 1 })), 'UNKNOWN_MEMBER_ID')
})

test('a wrong generation is 22, an unknown member 25', async () => {
  const it = await world()
  const [member] = it.stable({})
  assert(member)
  assert.equal(commitErrorOf(it.commit({ by: { ...member, generation: 9 }, offset: 1 })), 'ILLEGAL_GENERATION')
  assert.equal(commitErrorOf(it.commit({ by: { ...member, memberId: 'm' }, offset: 1 })), 'UNKNOWN_MEMBER_ID')
})

test('in PreparingRebalance a member may still commit, in CompletingRebalance it is told to rejoin', async () => {
  const it = await world()
  const [member] = it.stable({})
  assert(member)
  it.join()
  const late = it.commit({ by: member, offset: 7 })
  it.log.commit()
  assert.equal(commitErrorOf(late), 'NONE')
  const again = it.join({ memberId: member.memberId })
  assert(again.result)
  assert.equal(commitErrorOf(it.commit({ by: again.result, offset: 8 })), 'REBALANCE_IN_PROGRESS')
})

test('an empty group takes offsets from administrators', async () => {
  const it = await world()
  const [member] = it.stable({})
  it.leave([{ memberId: member?.memberId ?? '', instanceId: null }])
  const reset = it.commit({ offset: 0 })
  it.log.commit()
  assert.equal(commitErrorOf(reset), 'NONE')
})

test('RequireStable waits for commits that are under way, and only for those', async () => {
  const it = await world()
  it.topic('t')
  let seen: number | undefined
  it.commit({ offset: 1 })
  it.groups.whenStable('g', () => {
    seen = it.committed()
  })
  it.commit({ offset: 2 })
  assert.equal(seen, undefined)
  it.log.commit(1)
  assert.equal(seen, 1)
  let immediate = false
  it.log.commit()
  it.groups.whenStable('g', () => {
    immediate = true
  })
  assert(immediate)
})

test('the number of committed offsets is bounded; those there are can still move', async () => {
  const it = await world({ maxOffsets: 1 })
  it.commit({ offset: 1 })
  it.log.commit()
  assert.equal(commitErrorOf(it.commit({ partition: 1, offset: 1 })), 'POLICY_VIOLATION')
  const again = it.commit({ offset: 2 })
  it.log.commit()
  assert.equal(commitErrorOf(again), 'NONE')
})

test('the number of groups is bounded for commits too', async () => {
  const it = await world({ maxGroups: 1 })
  it.commit({ offset: 1 })
  it.log.commit()
  assert.equal(commitErrorOf(it.commit({ groupId: 'h', offset: 1 })), 'POLICY_VIOLATION')
})

test('offsets go with their topic, and do not come back with a new one of the same name', async () => {
  const it = await world()
  const topic = it.topic('t')
  it.commit({ offset: 5 })
  it.log.commit()
  it.topics.delete(topic, () => undefined)
  it.clock.settle()
  it.log.commit()
  assert.equal(it.committed(), -1)
  it.topic('t')
  assert.equal(it.committed(), -1)
  assert.equal(it.groups.offsetCount, 0)
})

test('a crash between the end of a topic and the end of its offsets leaves no offsets', async () => {
  const it = await world()
  const topic = it.topic('t')
  it.commit({ offset: 5 })
  it.log.commit()
  it.topics.delete(topic, () => undefined)
  it.clock.settle()
  const next = await it.restart(1)
  next.log.commit()
  assert.equal(next.topics.get('t'), undefined)
  assert.equal(next.committed(), -1)
})

test('DeleteGroups: a group with members is 68, an unknown one 69, an empty one goes with its offsets', async () => {
  const it = await world()
  it.stable({ groupId: 'busy' })
  it.commit({ groupId: 'idle', offset: 1 })
  it.log.commit()
  const waiting = deleteGroups(it, 'busy', 'none', 'idle')
  assert.equal(waiting.result, undefined)
  it.log.commit()
  assert.deepEqual(waiting.result, ['NON_EMPTY_GROUP', 'GROUP_ID_NOT_FOUND', 'NONE'])
  assert.equal(it.committed('t', 0, 'idle'), -1)
  const next = await it.restart()
  assert.equal(next.state('idle'), 'none')
  assert.equal(next.state('busy'), 'Stable')
})

test('DeleteGroups of what is not there is answered only while the disk works: it may hold a commit that was refused', async () => {
  const it = await world()
  const refused = deleteGroups(it, 'none')
  it.log.fail()
  assert.deepEqual(refused.result, ['NOT_COORDINATOR'])
  const answered = deleteGroups(it, 'none')
  it.log.commit()
  assert.deepEqual(answered.result, ['GROUP_ID_NOT_FOUND'])
})

test('a deletion that the disk refuses leaves the group and its offsets', async () => {
  const it = await world()
  it.commit({ offset: 1 })
  it.log.commit()
  const waiting = deleteGroups(it, 'g')
  it.log.fail()
  assert.deepEqual(waiting.result, ['NOT_COORDINATOR'])
  assert.equal(it.state(), 'Empty')
  assert.equal(it.committed(), 1)
})

test('a group that is deleted with a commit under way is gone with it', async () => {
  const it = await world()
  it.topic('t')
  const commit = it.commit({ offset: 1 })
  deleteGroups(it, 'g')
  it.log.commit()
  assert.equal(commitErrorOf(commit), 'NONE')
  assert.equal(it.committed(), -1)
  assert.equal(it.groups.offsetCount, 0)
})

test('offsets that expire while the disk refuses to forget them keep their group; nobody is told that it is gone', async () => {
  const it = await world({ offsetsRetentionMs: 50_000, offsetsRetentionCheckIntervalMs: 1_000 })
  it.commit({ offset: 1 })
  it.log.commit()
  it.clock.advance(60_000)
  const early = deleteOffsets(it, ['t', 0])
  it.log.fail()
  assert.equal(early.result, 'NOT_COORDINATOR')
  assert.equal(it.state(), 'Empty')
  assert.equal(it.committed(), 1)
  it.clock.advance(1_000)
  const late = deleteOffsets(it, ['t', 0])
  it.log.commit()
  assert.equal(late.result, 'GROUP_ID_NOT_FOUND')
  assert.equal(it.state(), 'none')
})

test('OffsetDelete: topics that members consume are 86, others go', async () => {
  const it = await world()
  const [member] = it.stable({})
  assert(member)
  it.commit({ by: member, offset: 1 })
  it.commit({ by: member, topic: 'u', offset: 2 })
  it.log.commit()
  const waiting = deleteOffsets(it, ['t', 0], ['u', 0], ['u', 3])
  it.log.commit()
  assert.deepEqual(waiting.result, ['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE', 'NONE'])
  assert.equal(it.committed('t'), 1)
  assert.equal(it.committed('u'), -1)
})

test('OffsetDelete of what is not there is confirmed only while the disk works: it may hold a commit that was refused', async () => {
  const it = await world()
  it.topic('t')
  it.commit({ offset: 5 })
  it.log.commit()
  it.commit({ offset: 6, partition: 1 })
  it.log.fail()
  const refused = deleteOffsets(it, ['t', 1])
  it.log.fail()
  assert.equal(refused.result, 'NOT_COORDINATOR')
  const confirmed = deleteOffsets(it, ['t', 1])
  assert.equal(confirmed.result, undefined)
  it.log.commit()
  assert.deepEqual(confirmed.result, ['NONE'])
})

test('OffsetDelete: a group with members of another type is 68, an unknown one 69, an empty id 24', async () => {
  const it = await world()
  const unknown = deleteOffsets(it, ['t', 0])
  it.log.commit()
  assert.equal(unknown.result, 'GROUP_ID_NOT_FOUND')
  it.stable({ protocolType: 'connect' })
  assert.equal(deleteOffsets(it, ['t', 0]).result, 'NON_EMPTY_GROUP')
  let empty: string | undefined
  it.groups.deleteOffsets('', [], (result) => {
    empty = 'kafka' in result ? result.name : 'NONE'
  })
  assert.equal(empty, 'INVALID_GROUP_ID')
})

test('OffsetDelete: consumers whose subscription cannot be read are taken to consume everything', async () => {
  const it = await world()
  const [member] = it.stable({ protocols: [{ name: 'range', metadata: Buffer.from('?') }] })
  assert(member)
  it.commit({ by: member, offset: 1 })
  it.log.commit()
  assert.deepEqual(deleteOffsets(it, ['t', 0]).result, ['GROUP_SUBSCRIBED_TO_TOPIC'])
})

test('offsets of a simple group expire a retention after their commit', async () => {
  const it = await world()
  it.commit({ offset: 1 })
  it.log.commit()
  it.clock.advance(4 * DAY_MS)
  it.commit({ partition: 1, offset: 2 })
  it.log.commit()
  it.clock.advance(4 * DAY_MS)
  it.log.commit()
  assert.equal(it.committed('t', 0), -1)
  assert.equal(it.committed('t', 1), 2)
  it.clock.advance(4 * DAY_MS)
  it.log.commit()
  assert.equal(it.state(), 'none')
})

test('offsets of a group that had members expire a retention after it became Empty', async () => {
  const it = await world()
  const [member] = it.stable({ sessionTimeoutMs: 1_800_000 })
  assert(member)
  it.commit({ by: member, offset: 1 })
  for (let hour = 0; hour < 24 * 9; hour++) {
    it.heartbeat(member)
    it.clock.advance(1_700_000)
    it.log.commit()
  }
  assert.equal(it.committed(), 1)
  it.leave([{ memberId: member.memberId, instanceId: null }])
  it.log.commit()
  it.clock.advance(6.9 * DAY_MS)
  it.log.commit()
  assert.equal(it.committed(), 1)
  it.clock.advance(0.2 * DAY_MS)
  it.log.commit()
  assert.equal(it.committed(), -1)
  assert.equal(it.state(), 'none')
})

test('the retention of an Empty group goes on counting over a restart', async () => {
  const it = await world()
  const [member] = it.stable({})
  assert(member)
  it.commit({ by: member, offset: 1 })
  it.leave([{ memberId: member.memberId, instanceId: null }])
  it.log.commit()
  it.clock.advance(4 * DAY_MS)
  const next = await it.restart()
  next.clock.advance(3.1 * DAY_MS)
  next.log.commit()
  assert.equal(next.committed(), -1)
})

test('in a Stable group offsets of topics that nobody consumes any more expire after their commit', async () => {
  const it = await world()
  const [member] = it.stable({ sessionTimeoutMs: 1_800_000 })
  assert(member)
  it.commit({ by: member, offset: 1 })
  it.commit({ by: member, topic: 'u', offset: 2 })
  it.log.commit()
  for (let at = 0; at < 7.1 * DAY_MS; at += 1_700_000) {
    it.heartbeat(member)
    it.clock.advance(1_700_000)
    it.log.commit()
  }
  assert.equal(it.committed('t'), 1)
  assert.equal(it.committed('u'), -1)
})

test('OffsetCommit v2 to v4 may say how long an offset is kept', async () => {
  const it = await world()
  it.commit({ offset: 1, retentionMs: 3_600_000 })
  it.commit({ partition: 1, offset: 1, retentionMs: Number.MAX_SAFE_INTEGER })
  it.log.commit()
  it.clock.advance(3_600_000 + 600_000)
  it.log.commit()
  assert.equal(it.committed('t', 0), -1)
  it.clock.advance(30 * DAY_MS)
  it.log.commit()
  assert.equal(it.committed('t', 1), 1)
})

test('an empty group without offsets is cleaned away, one that expects a member is not', async () => {
  const it = await world()
  const [member] = it.stable({})
  it.leave([{ memberId: member?.memberId ?? '', instanceId: null }])
  it.log.commit()
  it.join({ groupId: 'h', requiresKnownMemberId: true, sessionTimeoutMs: 1_000_000 })
  it.clock.advance(600_000)
  it.log.commit()
  assert.equal(it.state(), 'none')
  assert.equal(it.state('h'), 'Empty')
  assert.equal((await it.restart()).state(), 'none')
})
