import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SubscriptionTrie } from '../../../src/broker/sessions/subscription-trie.ts'
import { filterMatches, parseTopicFilter } from '../../../src/broker/sessions/topic-filter.ts'

/** Levels from a small alphabet, so that random filters and topics meet. */
const level = fc.constantFrom('a', 'b', '', '$SYS', '__x', 'c d')
const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 5 }), fc.boolean())
  .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))
  .filter((text) => typeof parseTopicFilter(text) !== 'string')

test('a trie finds what matching one filter after the other finds', () => {
  fc.assert(
    fc.property(
      fc.array(filter, { maxLength: 40 }),
      fc.array(filter, { maxLength: 10 }),
      fc.array(
        topic.filter((name) => name !== ''),
        { maxLength: 20 },
      ),
      (added, removed, topics) => {
        const trie = new SubscriptionTrie<string>()
        const model = new Set<string>()
        for (const text of added) {
          trie.getOrAdd(text, () => text)
          model.add(text)
        }
        for (const text of removed) assert.equal(trie.delete(text), model.delete(text))
        assert.equal(trie.size, model.size)
        assert.deepEqual([...trie.entries()].map(([text]) => text).sort(), [...model].sort())
        for (const name of topics) assert.deepEqual(trie.match(name).sort(), [...model].filter((text) => filterMatches(text, name)).sort())
      },
    ),
    { numRuns: 2000 },
  )
})

test('a filter keeps its one value until it is deleted', () => {
  const trie = new SubscriptionTrie<{ n: number }>()
  const value = trie.getOrAdd('a/+', () => ({ n: 1 }))
  assert.equal(
    trie.getOrAdd('a/+', () => ({ n: 2 })),
    value,
  )
  assert.equal(trie.get('a/+'), value)
  assert.equal(trie.get('a/b'), undefined)
  assert.equal(trie.delete('a/+'), true)
  assert.equal(trie.delete('a/+'), false)
  assert.deepEqual(trie.match('a/b'), [])
})

test('the steps of a match do not grow with the number of filters', () => {
  const trie = new SubscriptionTrie<number>()
  for (let n = 0; n < 100_000; n++) trie.getOrAdd(`devices/${n}/+/state`, () => n)
  assert.deepEqual(trie.match('devices/777/x/state'), [777])
  // A full scan would take 100,000 comparisons per match: 10,000 matches would take minutes instead of milliseconds.
  for (let n = 0; n < 10_000; n++) assert.equal(trie.match(`devices/${n}/x/state`).length, 1)
})
