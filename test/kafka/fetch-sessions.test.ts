import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FetchScope, FetchSessions } from '../../src/kafka/fetch-sessions.ts'
import type { FetchRequest } from '../../src/kafka/messages/fetch.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { ZERO_UUID } from '../../src/util/uuid.ts'

const FULL = 0
const NONE = -1
const NOT_FOUND = 70
const WRONG_EPOCH = 71
const MIXED = 106

function setup(settings: { maxSessions?: number; maxPartitions?: number } = {}) {
  const clock = new ManualClock()
  const sessions = new FetchSessions(clock, systemRandom, { maxSessions: 3, maxPartitions: 1_000, evictionMs: 120_000, ...settings })
  const begin = (sessionId: number, sessionEpoch: number, count: number, options: { forget?: number[]; byTopicId?: boolean } = {}) =>
    sessions.begin(request(sessionId, sessionEpoch, count, options.forget ?? []), options.byTopicId ?? false)
  /** The new session's id; 0 where there was no room. */
  const make = (count: number): number => answer(begin(0, FULL, count)).sessionId ?? -1
  /** An id that stands for its session, or the error. */
  const use = (sessionId: number, epoch: number, count = 0): number => {
    const scope = begin(sessionId, epoch, count)
    return 'kafka' in scope ? scope.kafka : (answer(scope).sessionId ?? -1)
  }
  return { clock, sessions, begin, make, use }
}

function request(sessionId: number, sessionEpoch: number, count: number, forget: readonly number[]): FetchRequest {
  const partitions = Array.from({ length: count }, (_, partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 }))
  const topics = count === 0 ? [] : [{ topic: 't', topicId: ZERO_UUID, partitions }]
  return { sessionId, sessionEpoch, topics, forgottenTopicsData: [{ topic: 't', topicId: ZERO_UUID, partitions: forget }] } as unknown as FetchRequest
}

/** As the handler does where nothing was found. */
function answer(scope: FetchScope | { readonly kafka: number }) {
  assert.ok(!('kafka' in scope))
  const places = [...scope.partitions()]
  const found = places.map(({ asked }) => ({
    partitionIndex: asked.partition,
    errorCode: 0,
    highWatermark: 0,
    logStartOffset: 0,
    abortedTransactions: null,
    records: [],
  }))
  return scope.respond(places, found)
}

const codeOf = (scope: FetchScope | { readonly kafka: number }): number => ('kafka' in scope ? scope.kafka : 0)

test('epochs go on one by one', () => {
  const t = setup()
  const id = t.make(2)
  assert.equal(t.use(id, 1), id)
  assert.equal(t.use(id, 1), WRONG_EPOCH)
  assert.equal(t.use(id, 3), WRONG_EPOCH)
  assert.equal(t.use(id, 2), id)
})

test('a full request ends the session it names, epoch -1 makes no other', () => {
  const t = setup()
  const id = t.make(1)
  const next = answer(t.begin(id, FULL, 1)).sessionId ?? 0
  assert.notEqual(next, id)
  assert.equal(t.use(id, 1), NOT_FOUND)
  assert.equal(answer(t.begin(next, NONE, 1)).sessionId, 0)
  assert.equal(t.use(next, 1), NOT_FOUND)
  assert.deepEqual([t.sessions.size, t.sessions.partitionCount], [0, 0])
})

test('what is forgotten is read no more; a session of nothing ends', () => {
  const t = setup()
  const id = t.make(3)
  const left = t.begin(id, 1, 0, { forget: [0, 2, 7] })
  assert.ok(!('kafka' in left))
  assert.deepEqual(
    [...left.partitions()].map(({ asked }) => asked.partition),
    [1],
  )
  assert.equal(answer(t.begin(id, 2, 0, { forget: [1] })).sessionId, 0)
  assert.equal(t.sessions.size, 0)
})

test('names and ids do not mix', () => {
  const t = setup()
  const id = t.make(1)
  assert.equal(codeOf(t.begin(id, 1, 0, { byTopicId: true })), MIXED)
  assert.equal(t.use(id, 1), id)
})

test('a full cache gives no session, until one was not used for two minutes', () => {
  const t = setup()
  const ids = [t.make(1), t.make(1), t.make(1)]
  assert.equal(t.make(9), 0)
  t.clock.advance(119_000)
  assert.equal(t.use(ids[0] as number, 1), ids[0])
  t.clock.advance(2_000)
  assert.notEqual(t.make(1), 0)
  assert.equal(t.use(ids[1] as number, 1), NOT_FOUND)
  assert.deepEqual([t.sessions.size, t.sessions.partitionCount], [3, 3])
})

test('an old session gives way to one with more partitions, not to one with as many', () => {
  const t = setup()
  const ids = [t.make(4), t.make(2), t.make(3)]
  t.clock.advance(60_000)
  for (const id of ids) t.use(id, 1)
  assert.equal(t.make(9), 0, 'none is old yet')
  t.clock.advance(61_000)
  for (const id of ids) t.use(id, 2)
  assert.equal(t.make(2), 0)
  assert.notEqual(t.make(3), 0)
  assert.equal(t.use(ids[1] as number, 3), NOT_FOUND)
})

test('the partitions of all sessions are bounded', () => {
  const t = setup({ maxPartitions: 10 })
  const id = t.make(6)
  assert.equal(t.make(5), 0)
  assert.notEqual(t.make(3), 0)
  assert.equal(t.use(id, 1, 7), id, 'ten are allowed')
  assert.equal(t.use(id, 2, 8), NOT_FOUND)
  assert.equal(t.sessions.partitionCount, 3)
})

test('a cache without slots never makes a session', () => {
  const t = setup({ maxSessions: 0 })
  assert.equal(t.make(1), 0)
})

test('a client that never waits for its answer takes no place', () => {
  const t = setup()
  t.begin(0, FULL, 5)
  assert.equal(t.sessions.size, 0)
})
