import assert from 'node:assert/strict'
import test from 'node:test'
import { CrashingDisk } from '../../src/testing/crashing-disk.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'

async function run(disk: CrashingDisk, work: Promise<void>): Promise<void> {
  let done = false
  void work.then(() => {
    done = true
  })
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve))
    disk.step()
  }
}

test('what was synced survives every crash, what was not sometimes does, sometimes in part', async () => {
  const outcomes = new Set<string>()
  for (let seed = 1; seed <= 60; seed++) {
    const disk = new CrashingDisk(new SeededRandom(seed))
    const file = disk.open('f', 'write')
    file.write([Buffer.alloc(1024, 'a')], 0)
    await run(disk, file.sync())
    await run(disk, disk.syncFolder(''))
    file.write([Buffer.alloc(1024, 'b')], 512)
    const after = disk.crash().open('f', 'read')
    const bytes = Buffer.alloc(after.size())
    after.readNow(bytes, 0)
    assert.equal(bytes.toString('latin1', 0, 512), 'a'.repeat(512), `seed ${seed}`)
    outcomes.add([512, 1024].map((at) => String.fromCharCode(bytes[at] ?? 32)).join(''))
  }
  assert.ok(outcomes.has('bb') && outcomes.has('a '), [...outcomes].join('|'))
  assert.ok(outcomes.size > 2, 'some writes are torn')
})

test('a file whose folder was not synced may be gone, and one that was renamed may have its old name', async () => {
  const names = new Set<string>()
  for (let seed = 1; seed <= 40; seed++) {
    const disk = new CrashingDisk(new SeededRandom(seed))
    disk.open('old', 'write')
    disk.rename('old', 'new')
    names.add(disk.crash().list('').join())
  }
  assert.deepEqual([...names].sort(), ['', 'new', 'old'])
})

test('a killed process leaves all it wrote, and a dead disk does nothing more', () => {
  const disk = new CrashingDisk(new SeededRandom(1))
  disk.open('f', 'write').write([Buffer.from('x')], 0)
  const next = disk.kill()
  disk.open('g', 'write').write([Buffer.from('y')], 0)
  assert.deepEqual(next.list(''), ['f'])
  assert.equal(next.bootId, disk.bootId)
  assert.notEqual(next.crash().bootId, disk.bootId)
})
