import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FileSystem } from '../../src/runtime/files.ts'
import { mountDisk } from '../../src/testing/simulated-files.ts'
import type { SimulatedTime } from '../../src/testing/simulated-time.ts'
import { steadyDisk } from './steady-disk.ts'

const SEEDS = 50

function machine(seed: number) {
  const { time, disk, faults } = steadyDisk(seed)
  const boot = (): FileSystem => mountDisk(disk, time, time.process('test'))
  return { time, disk, boot, faults }
}

/** Runs `work` to its end in simulated time. */
async function complete<T>(time: SimulatedTime, work: Promise<T>): Promise<T> {
  let done = false
  const end = (): void => {
    done = true
  }
  work.then(end, end)
  await time.run(1_000_000, () => done)
  return work
}

const text = (files: FileSystem, path: string): string => {
  const file = files.open(path, 'read')
  const bytes = Buffer.alloc(file.size())
  file.readNow(bytes, 0)
  return bytes.toString()
}

test('a power loss keeps what was synced, and takes what was not at least sometimes', async () => {
  let lost = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { time, disk, boot } = machine(seed)
    const files = boot()
    const file = files.open('a', 'write')
    file.write([Buffer.from('synced')], 0)
    await complete(time, file.sync())
    await complete(time, files.syncFolder(''))
    file.write([Buffer.from(' and not')], 6)
    disk.powerLoss()
    const left = text(boot(), 'a')
    assert.ok(left.startsWith('synced'), `seed ${seed}: ${JSON.stringify(left)}`)
    if (left !== 'synced and not') lost++
  }
  assert.ok(lost > 0 && lost < SEEDS, `${lost} of ${SEEDS} lost it`)
})

test('a killed process leaves everything that it wrote', async () => {
  const { time, disk } = machine(1)
  const process = time.process('killed')
  const files = mountDisk(disk, time, process)
  files.open('a', 'write').write([Buffer.from('written')], 0)
  process.kill()
  assert.equal(text(mountDisk(disk, time, time.process('next')), 'a'), 'written')
})

test('what was overwritten and synced never comes back', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { time, disk, boot } = machine(seed)
    const files = boot()
    files.open('a', 'write').write([Buffer.from('old old')], 0)
    await complete(time, files.syncFolder(''))
    await complete(time, files.open('a', 'write-through').writeAsync([Buffer.from('new')], 0))
    disk.powerLoss()
    assert.ok(text(boot(), 'a').startsWith('new'), `seed ${seed}`)
  }
})

test('a renamed file is there under the old or the new name until the folder is synced, then under the new one', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { time, disk, boot } = machine(seed)
    const files = boot()
    const file = files.open('old', 'write')
    file.write([Buffer.from('whole')], 0)
    await complete(time, file.sync())
    await complete(time, files.syncFolder(''))
    files.rename('old', 'new')
    const synced = seed % 2 === 0
    if (synced) await complete(time, files.syncFolder(''))
    disk.powerLoss()
    const after = boot()
    const names = after.list('')
    assert.equal(names.length, 1, `seed ${seed}: ${names}`)
    if (synced) assert.equal(names[0], 'new')
    assert.equal(text(after, names[0] as string), 'whole')
  }
})

test('a full disk answers ENOSPC, a failing one EIO', async () => {
  const { time, boot, faults } = machine(1)
  const file = boot().open('a', 'write')
  faults.capacityBytes = 10
  assert.throws(() => file.write([Buffer.alloc(11)], 0), { code: 'ENOSPC' })
  faults.syncFailure = 1
  await assert.rejects(complete(time, file.sync()), { code: 'EIO' })
})
