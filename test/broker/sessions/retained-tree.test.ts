import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetainedTree } from '../../../src/broker/sessions/retained-tree.ts'
import { filterMatches } from '../../../src/broker/sessions/topic-filter.ts'

const TOPICS = ['a', 'a/b', 'a/b/c', 'a/x/c', '/a', 'a/', '$SYS/uptime', 'b', 'b/b/c', '//', 'mqtt/a']
const FILTERS = ['#', '+', 'a/#', 'a/+', '+/b', '+/+/c', 'a/+/c', '/+', '+/', '$SYS/#', '+/uptime', 'a/b/c', '//', '+/+', '+/#', 'b/#', 'none/#']

test('a filter finds what filterMatches says, for every pair', () => {
  const tree = new RetainedTree()
  for (const [index, topic] of TOPICS.entries()) tree.set(topic, index, index)
  for (const filter of FILTERS) {
    const found = [...tree.match(filter)].map((place) => place.topic).sort()
    assert.deepEqual(found, TOPICS.filter((topic) => filterMatches(filter, topic)).sort(), filter)
  }
})

test('a deleted topic is not found and leaves the others', () => {
  const tree = new RetainedTree()
  for (const [index, topic] of TOPICS.entries()) tree.set(topic, index, index)
  tree.delete('a/b')
  tree.delete('a/b')
  assert.equal(tree.count, TOPICS.length - 1)
  assert.equal(tree.get('a/b'), undefined)
  assert.equal(tree.get('a/b/c')?.offset, 2)
  for (const topic of TOPICS) tree.delete(topic)
  assert.equal(tree.count, 0)
  assert.deepEqual([...tree.match('#')], [])
})

test('a walk goes on while topics come and go, and finds each that stays once', () => {
  const tree = new RetainedTree()
  for (let index = 0; index < 100; index++) tree.set(`t/${index}`, index, index)
  const walk = tree.match('t/+')
  const found: string[] = []
  for (const place of walk) {
    found.push(place.topic)
    tree.delete(`t/${99 - found.length}`)
    tree.set(`other/${found.length}`, 1, 1)
  }
  assert.equal(new Set(found).size, found.length)
  for (let index = 0; index < 40; index++) assert.ok(found.includes(`t/${index}`))
})
