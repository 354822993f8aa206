import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeGroupRecord, encodeGroupRecord } from '../../../src/broker/groups/classic/group-record.ts'
import { decodeOffset, encodeOffset, parseOffsetKey, printOffsetKey } from '../../../src/broker/groups/offset-record.ts'
import { commitErrorOf, errorOf, protocol, textOf, World } from './support/world.ts'

const world = (settings = {}) => new World(settings).open()

test('after a restart members go on with the same generation and assignment', async () => {
  const it = await world()
  const [leader, follower] = it.stable({}, { protocols: [protocol('range', ['t'], 'data')] })
  const next = await it.restart()
  assert.equal(next.state(), 'Stable')
  assert.equal(next.heartbeat(leader), 'NONE')
  assert.equal(next.heartbeat(follower), 'NONE')
  assert.equal(textOf(next.sync(follower).result), 'p1')
})

test('a restart changes nothing of what is shown of a group', async () => {
  const it = await world()
  it.stable({ clientId: 'one', clientHost: '/10.0.0.1' }, { instanceId: 'i', protocols: [protocol('range', ['t'], 'data')] })
  const before = it.groups.describe('g')
  const next = await it.restart()
  assert.deepEqual(next.groups.describe('g'), before)
})

test('after a restart the leader still leads, and a follower that rejoins unchanged disturbs nobody', async () => {
  const it = await world()
  const protocols = [protocol('range', ['t']), protocol('sticky', ['t'])]
  const [leader, follower] = it.stable({ protocols }, { protocols })
  const next = await it.restart()
  assert.equal(next.join({ memberId: follower?.memberId ?? '', protocols }).result?.generation, 1)
  assert.equal(errorOf(next.join({ memberId: leader?.memberId ?? '', protocols })), 'waiting')
})

test('after a restart sessions run anew: members that are gone leave after their session timeout', async () => {
  const it = await world()
  const [leader] = it.stable({}, {})
  const next = await it.restart()
  next.clock.advance(9_000)
  next.heartbeat(leader)
  next.clock.advance(1_000)
  assert.equal(next.heartbeat(leader), 'REBALANCE_IN_PROGRESS')
})

test('a crash in the middle of a rebalance brings the generation before back', async () => {
  const it = await world()
  const [leader] = it.stable({})
  it.join()
  const again = it.join({ memberId: leader?.memberId ?? '' })
  assert.equal(again.result?.generation, 2)
  const next = await it.restart()
  assert.equal(next.heartbeat(leader), 'NONE')
  assert.ok(again.result)
  assert.equal(next.heartbeat(again.result), 'ILLEGAL_GENERATION')
})

test('an assignment that was on the disk but not yet given out is what members get after the crash', async () => {
  const it = await world()
  const first = it.join()
  it.clock.advance(0)
  it.sync(first.result, { [first.result?.memberId ?? '']: 'p0' })
  const next = await it.restart(1)
  assert.equal(textOf(next.sync(first.result).result), 'p0')
})

test('an assignment that was not on the disk is forgotten with its group', async () => {
  const it = await world()
  const first = it.join()
  it.clock.advance(0)
  it.sync(first.result, { [first.result?.memberId ?? '']: 'p0' })
  const next = await it.restart(0)
  assert.equal(errorOf(next.sync(first.result)), 'UNKNOWN_MEMBER_ID')
})

test('a static member that came back is itself after a restart', async () => {
  const it = await world()
  const [, old] = it.stable({}, { instanceId: 'i' })
  const back = it.join({ instanceId: 'i' })
  it.log.commit()
  const next = await it.restart()
  assert.equal(next.heartbeat(back.result, { instanceId: 'i' }), 'NONE')
  assert.equal(next.heartbeat(old, { instanceId: 'i' }), 'FENCED_INSTANCE_ID')
})

test('generations go on after a group was empty over a restart', async () => {
  const it = await world()
  const [member] = it.stable({})
  it.leave([{ memberId: member?.memberId ?? '', instanceId: null }])
  it.log.commit()
  const next = await it.restart()
  assert.equal(next.state(), 'Empty')
  const joined = next.join()
  next.clock.advance(0)
  assert.equal(joined.result?.generation, 3)
})

test('a member may commit right after a restart', async () => {
  const it = await world()
  const [member] = it.stable({})
  assert(member)
  it.topic('t')
  const next = await it.restart()
  const waiting = next.commit({ by: member, offset: 4 })
  next.log.commit()
  assert.equal(commitErrorOf(waiting), 'NONE')
})

test('a snapshot holds what was appended, durable or not, and nothing of a rebalance that goes on', async () => {
  const it = await world()
  it.stable({}, {})
  it.commit({ groupId: 'h', offset: 1 })
  it.log.commit()
  assert.deepEqual(it.log.snapshot(), it.log.durable)
  it.join()
  it.commit({ groupId: 'h', offset: 2 })
  const snapshot = it.log.snapshot()
  it.log.commit()
  assert.deepEqual(snapshot, it.log.durable)
})

test('a group survives its encoding', () => {
  const record = {
    generation: 2_147_483_647,
    protocolType: 'consumer',
    protocolName: null,
    leaderId: 'ü',
    stateSinceMs: 1_800_000_000_000,
    mustRebalance: false,
    members: [
      {
        id: 'ü',
        instanceId: '',
        clientId: 'c',
        clientHost: '/::1',
        sessionTimeoutMs: 6_000,
        rebalanceTimeoutMs: 300_000,
        protocols: [{ name: 'range', metadata: new Uint8Array(1_000).fill(7) }],
        assignment: new Uint8Array(0),
      },
    ],
  }
  assert.deepEqual(decodeGroupRecord(encodeGroupRecord(record)), record)
})

test('bytes that are no group, or of another version, are refused', () => {
  assert.throws(() => decodeGroupRecord(new Uint8Array(0)), RangeError)
  assert.throws(() => decodeGroupRecord(Uint8Array.of(2)), RangeError)
  assert.throws(() => decodeGroupRecord(Uint8Array.of(1, 5, 200)), RangeError)
})

test('an offset survives its encoding, and so does its key', () => {
  const value = { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', offset: Number.MAX_SAFE_INTEGER, leaderEpoch: -1, metadata: 'm', committedAtMs: 1, expiresAtMs: -1 }
  assert.deepEqual(decodeOffset(encodeOffset(value)), value)
  for (const groupId of ['', 'a:b:1', 'new\nline', 'g']) {
    const key = { groupId, topicName: 'topic.a-b_c', partition: 12 }
    assert.deepEqual(parseOffsetKey(printOffsetKey(key)), key)
  }
  assert.throws(() => parseOffsetKey('topic'), RangeError)
})

test('the encoding of a group is what it was: data directories outlive versions', () => {
  const record = {
    generation: 3,
    protocolType: 'consumer',
    protocolName: 'range',
    leaderId: 'm',
    stateSinceMs: 1_700_000_000_000,
    mustRebalance: false,
    members: [
      {
        id: 'm',
        instanceId: null,
        clientId: 'c',
        clientHost: '/1',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        protocols: [{ name: 'range', metadata: Uint8Array.of(1, 2) }],
        assignment: Uint8Array.of(9),
      },
    ],
  }
  const version1 = '010309636f6e73756d65720672616e6765026d80d095ffbc3101016d000163022f31904ee0d403010572616e67650201020109'
  const version2 = '020309636f6e73756d65720672616e6765026d80d095ffbc310001016d000163022f31904ee0d403010572616e67650201020109'
  assert.equal(Buffer.from(encodeGroupRecord(record)).toString('hex'), version2)
  for (const bytes of [version1, version2]) assert.deepEqual(decodeGroupRecord(Buffer.from(bytes, 'hex')), record)
})
