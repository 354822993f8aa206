import assert from 'node:assert/strict'
import test from 'node:test'
import { KeyOffsets } from '../../../src/log/compaction/key-offsets.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'

test('the last offset of each key is remembered, as a map would', (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  t.diagnostic(`seed ${seed}`)
  const random = new SeededRandom(seed)
  const keys = new KeyOffsets(4_000_000)
  const model = new Map<string, number>()
  for (let offset = 0; offset < 20_000; offset++) {
    const key = Buffer.from(random.bytes(random.below(3)))
    assert.ok(keys.put(key, offset))
    model.set(key.toString('hex'), offset)
  }
  assert.equal(keys.size, model.size)
  for (const [key, offset] of model) assert.equal(keys.get(Buffer.from(key, 'hex')), offset)
  assert.equal(keys.get(Buffer.from('no such key')), -1)
})

test('where there is no room for a new key it is refused, and those that are known go on', () => {
  const keys = new KeyOffsets(24 * 1_000)
  let count = 0
  while (keys.put(Buffer.from(`key ${count}`), count)) count++
  assert.ok(count > 500 && count < 1_000, `${count} keys fit into room for 1,000`)
  assert.equal(keys.size, count)
  assert.equal(keys.get(Buffer.from(`key ${count}`)), -1)
  assert.ok(keys.put(Buffer.from('key 0'), 5_000))
  assert.equal(keys.get(Buffer.from('key 0')), 5_000)
})
