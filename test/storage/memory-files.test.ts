import assert from 'node:assert/strict'
import test from 'node:test'
import { MemoryContent, MemoryFiles } from '../../src/storage/memory-files.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'

test('content is what was written last at every place, holes are zeros, whatever the order', () => {
  const seed = 20261123
  const random = new SeededRandom(seed)
  for (let run = 0; run < 50; run++) {
    const content = new MemoryContent()
    let model = Buffer.alloc(0)
    for (let i = 0; i < 30; i++) {
      if (random.chance(0.2)) {
        const size = random.below(200_000)
        const next = Buffer.alloc(size)
        model.copy(next)
        model = next
        content.truncate(size)
      } else {
        const position = random.below(180_000)
        const bytes = random.bytes(1 + random.below(3000))
        const next = Buffer.alloc(Math.max(model.length, position + bytes.length))
        model.copy(next)
        next.set(bytes, position)
        model = next
        content.write(bytes, position)
      }
      const read = Buffer.alloc(content.size)
      assert.equal(content.read(read, 0), model.length, `seed ${seed} run ${run}`)
      assert.ok(read.equals(model), `seed ${seed} run ${run} step ${i}`)
    }
  }
})

test('folders list their own names, move whole and go whole', async () => {
  const files = new MemoryFiles()
  files.open('a/b/one', 'write').write([Buffer.from('1')], 0)
  files.open('a/two', 'write')
  assert.deepEqual(files.list('').sort(), ['a'])
  assert.deepEqual(files.list('a').sort(), ['b', 'two'])
  files.rename('a/b', 'a/c')
  assert.equal(files.size('a/c/one'), 1)
  assert.equal(files.size('a/b/one'), -1)
  assert.throws(() => files.open('a/b/one', 'read'), { code: 'ENOENT' })
  await files.remove('a')
  assert.deepEqual(files.list(''), [])
})
