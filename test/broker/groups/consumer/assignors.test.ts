import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Assignment, AssignorGroup } from '../../../../src/broker/groups/consumer/assignors/assignor.ts'
import { assignRanges } from '../../../../src/broker/groups/consumer/assignors/range.ts'
import { assignUniform } from '../../../../src/broker/groups/consumer/assignors/uniform.ts'
import type { Partitions } from '../../../../src/broker/groups/consumer/partitions.ts'
import { SeededRandom } from '../../../../src/testing/seeded-random.ts'

interface Wanted {
  readonly id: string
  readonly instanceId?: string
  readonly topics: readonly string[]
}

function groupOf(counts: Readonly<Record<string, number>>, members: readonly Wanted[], current: Assignment = new Map()): AssignorGroup {
  const wishes = new Set(members.map(({ topics }) => [...topics].sort().join()))
  return {
    members: members.map(({ id, instanceId, topics }) => ({
      id,
      instanceId: instanceId ?? null,
      topicIds: new Set(topics),
      current: current.get(id) ?? new Map(),
    })),
    homogeneous: wishes.size <= 1,
    partitionCount: (topicId) => counts[topicId] ?? 0,
  }
}

/** `t-0 t-1 u-0` */
function print(part: Partitions | undefined): string {
  return [...(part ?? [])]
    .flatMap(([topic, partitions]) => [...partitions].map((partition) => `${topic}-${partition}`))
    .sort()
    .join(' ')
}

const size = (part: Partitions | undefined) => [...(part?.values() ?? [])].reduce((sum, { size: count }) => sum + count, 0)

test('range: neighbours to the same member, the first ones get one more, static members first', () => {
  const assigned = assignRanges(
    groupOf({ t: 5, u: 5 }, [
      { id: 'b', topics: ['t', 'u'] },
      { id: 'a', topics: ['t', 'u'] },
      { id: 'z', instanceId: 'i', topics: ['t', 'u'] },
    ]),
  )
  assert.equal(print(assigned.get('z')), 't-0 t-1 u-0 u-1')
  assert.equal(print(assigned.get('a')), 't-2 t-3 u-2 u-3')
  assert.equal(print(assigned.get('b')), 't-4 u-4')
})

test('range: more members than partitions leaves some without', () => {
  const assigned = assignRanges(
    groupOf({ t: 1 }, [
      { id: 'a', topics: ['t'] },
      { id: 'b', topics: ['t'] },
    ]),
  )
  assert.deepEqual([print(assigned.get('a')), print(assigned.get('b'))], ['t-0', ''])
})

test('uniform: who has too much gives up, who has too little gets it, the rest stays', () => {
  const before = new Map([['a', new Map([['t', new Set([0, 1, 2, 3, 4])]])]])
  const assigned = assignUniform(
    groupOf(
      { t: 5 },
      [
        { id: 'a', topics: ['t'] },
        { id: 'b', topics: ['t'] },
      ],
      before,
    ),
  )
  assert.deepEqual([print(assigned.get('a')), print(assigned.get('b'))], ['t-0 t-1 t-2', 't-3 t-4'])
})

test('uniform: nothing moves where everybody has the same', () => {
  const before: Assignment = new Map([
    ['a', new Map([['t', new Set([3, 1])]])],
    ['b', new Map([['t', new Set([0, 2])]])],
  ])
  const assigned = assignUniform(
    groupOf(
      { t: 4 },
      [
        { id: 'b', topics: ['t'] },
        { id: 'a', topics: ['t'] },
      ],
      before,
    ),
  )
  assert.deepEqual([print(assigned.get('a')), print(assigned.get('b'))], ['t-1 t-3', 't-0 t-2'])
})

test('whatever members and topics: each partition has one subscriber, uniform is even among equals and moves no more than it must', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed)
    const counts = Object.fromEntries(['t', 'u', 'v', 'w'].map((topic) => [topic, random.below(12)]))
    const alike = random.below(2) === 0
    const some = () => Object.keys(counts).filter(() => random.below(3) > 0)
    const shared = some()
    let members: Wanted[] = []
    let uniform: Assignment = new Map()
    for (let step = 0; step < 8; step++) {
      const joins = random.below(4) > 0
      members = joins ? [...members, { id: `m${seed}-${step}`, topics: alike ? shared : some() }] : members.filter(() => random.below(4) > 0)
      if (members.length === 0) continue
      const group = groupOf(counts, members, uniform)
      const next = assignUniform(group)
      for (const assigned of [next, assignRanges(group)]) checkWhole(seed, group, assigned)
      if (group.homogeneous) checkEven(seed, members, next, uniform)
      uniform = next
    }
  }
})

function checkWhole(seed: number, group: AssignorGroup, assigned: Assignment): void {
  const wanted = new Set(group.members.flatMap(({ topicIds }) => [...topicIds]))
  const expected = [...wanted].flatMap((topic) => Array.from({ length: group.partitionCount(topic) }, (_, partition) => `${topic}-${partition}`))
  const given = group.members.flatMap(({ id }) =>
    print(assigned.get(id))
      .split(' ')
      .filter((one) => one !== ''),
  )
  assert.deepEqual(given.sort(), expected.sort(), `seed ${seed}`)
  for (const { id, topicIds } of group.members)
    for (const topic of assigned.get(id)?.keys() ?? []) assert.ok(topicIds.has(topic), `seed ${seed}: ${id} does not want ${topic}`)
}

function checkEven(seed: number, members: readonly Wanted[], assigned: Assignment, before: Assignment): void {
  const sizes = members.map(({ id }) => size(assigned.get(id)))
  assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `seed ${seed}: ${sizes}`)
  const most = Math.max(...sizes)
  for (const { id } of members) {
    const kept = print(assigned.get(id))
      .split(' ')
      .filter((one) => one !== '' && print(before.get(id)).split(' ').includes(one)).length
    assert.ok(kept >= Math.min(size(before.get(id)), most - 1), `seed ${seed}: ${id} lost more than it had to`)
  }
}
