import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Partitions } from '../../../../src/broker/groups/consumer/partitions.ts'
import { assignSimply, type ShareAssignorGroup } from '../../../../src/broker/groups/share/simple-assignor.ts'
import { SeededRandom } from '../../../../src/testing/seeded-random.ts'

type Parts = ReadonlyMap<string, Partitions>

function groupOf(
  counts: Readonly<Record<string, number>>,
  wishes: Readonly<Record<string, readonly string[]>>,
  current: Parts = new Map(),
): ShareAssignorGroup {
  const members = Object.entries(wishes).map(([id, topics]) => ({ id, topicIds: new Set(topics), current: current.get(id) ?? new Map() }))
  const kinds = new Set(members.map(({ topicIds }) => [...topicIds].sort().join()))
  return { members, homogeneous: kinds.size <= 1, partitionCount: (topicId) => counts[topicId] ?? 0 }
}

/** `t-0 t-1 u-0` */
function print(part: Partitions | undefined): string {
  return list(part).join(' ')
}

function list(part: Partitions | undefined): string[] {
  return [...(part ?? [])].flatMap(([topic, partitions]) => [...partitions].map((partition) => `${topic}-${partition}`)).sort()
}

test('fewer members than partitions: each partition goes to one of them, nobody has two more than another', () => {
  const parts = assignSimply(groupOf({ t: 5 }, { a: ['t'], b: ['t'] }))
  const sizes = ['a', 'b'].map((id) => list(parts.get(id)).length)
  assert.deepEqual(sizes.toSorted(), [2, 3])
  assert.deepEqual([...list(parts.get('a')), ...list(parts.get('b'))].sort(), ['t-0', 't-1', 't-2', 't-3', 't-4'])
})

test('more members than partitions share them, and nobody is left out', () => {
  const parts = assignSimply(groupOf({ t: 2 }, { a: ['t'], b: ['t'], c: ['t'], d: ['t'], e: ['t'] }))
  const holders = ['t-0', 't-1'].map((name) => [...parts.values()].filter((part) => list(part).includes(name)).length)
  assert.ok(
    holders.every((count) => count === 3),
    `${holders}`,
  )
  assert.ok([...parts.values()].every((part) => part.size > 0))
})

test('members keep what they have when another one comes', () => {
  const before = assignSimply(groupOf({ t: 4 }, { a: ['t'], b: ['t'] }))
  const after = assignSimply(groupOf({ t: 4 }, { a: ['t'], b: ['t'], c: ['t'] }, before))
  for (const id of ['a', 'b']) {
    const kept = list(after.get(id)).filter((name) => list(before.get(id)).includes(name))
    assert.deepEqual(kept, list(after.get(id)).slice(0, kept.length).length === 0 ? [] : kept)
    assert.ok(kept.length >= 1, `${id} had ${print(before.get(id))}, has ${print(after.get(id))}`)
  }
})

test('members that want different topics: each topic goes by itself', () => {
  const parts = assignSimply(groupOf({ t: 2, u: 2 }, { a: ['t'], b: ['u'], c: ['t', 'u'] }))
  assert.equal(list(parts.get('a')).length, 1)
  assert.equal(list(parts.get('b')).length, 1)
  assert.deepEqual(
    list(parts.get('c')).map((name) => name[0]),
    ['t', 'u'],
  )
})

test('who wants nothing that exists gets nothing', () => {
  const parts = assignSimply(groupOf({ t: 2 }, { a: [], b: ['t'] }))
  assert.equal(print(parts.get('a')), '')
  assert.equal(print(parts.get('b')), 't-0 t-1')
})

test('property: every partition has a member, every member a partition, shares are even, only what is wanted is given', (t) => {
  const seed = Number(process.env.SEED ?? Date.now())
  t.diagnostic(`SEED=${seed}`)
  const random = new SeededRandom(seed)
  const upTo = (count: number) => random.below(count)
  const chance = (percent: number) => upTo(100) < percent
  for (let round = 0; round < 300; round++) {
    const topics = Array.from({ length: 1 + upTo(3) }, (_, index) => `t${index}`)
    const counts = Object.fromEntries(topics.map((topic) => [topic, upTo(7)]))
    const isUniform = chance(50)
    let current: Parts = new Map()
    for (let step = 0; step < 4; step++) {
      const ids = Array.from({ length: 1 + upTo(9) }, (_, index) => `m${index}`)
      const wishes = Object.fromEntries(ids.map((id) => [id, isUniform ? topics : topics.filter(() => chance(60))]))
      const group = groupOf(counts, wishes, current)
      current = assignSimply(group)
      check(group, topics, current)
    }
  }
})

function check({ members, homogeneous, partitionCount }: ShareAssignorGroup, topics: readonly string[], parts: Parts): void {
  for (const { id, topicIds } of members) {
    const part = parts.get(id) as Partitions
    for (const [topic, partitions] of part) {
      assert.ok(topicIds.has(topic))
      for (const partition of partitions) assert.ok(partition < partitionCount(topic))
    }
    for (const topic of topicIds) {
      // Of members that want the same, somebody may have partitions of another topic.
      if (!homogeneous && partitionCount(topic) > 0) assert.ok((part.get(topic)?.size ?? 0) > 0, `${id} has nothing of ${topic}`)
    }
  }
  if (homogeneous) {
    const total = [...(members[0]?.topicIds ?? [])].reduce((sum, topic) => sum + partitionCount(topic), 0)
    const sizes = members.map(({ id }) => list(parts.get(id)).length)
    if (total > 0) assert.ok(sizes.every((size) => size > 0))
    if (total >= members.length) assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${sizes}`)
  }
  for (const topic of topics) {
    const wanting = members.filter(({ topicIds }) => topicIds.has(topic))
    if (wanting.length === 0) continue
    for (let partition = 0; partition < partitionCount(topic); partition++) {
      const holders = wanting.filter(({ id }) => parts.get(id)?.get(topic)?.has(partition) === true)
      assert.ok(holders.length > 0, `nobody has ${topic}-${partition}`)
    }
  }
}
