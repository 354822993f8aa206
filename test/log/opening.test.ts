import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { PartitionLog } from '../../src/log/ports.ts'
import { buildBatch } from '../../src/log/record-batch.ts'
import type { OpenFile, OpenMode } from '../../src/runtime/files.ts'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { MemoryFiles } from '../../src/storage/memory-files.ts'
import { append, batchOf, openLog, SETTINGS, TOPIC_ID, temporaryFolder, valuesFrom } from './log-harness.ts'

/** Memory that is treated as a disk, and says which files are opened. */
class CountingFiles extends MemoryFiles {
  override readonly volatile = false
  readonly opened: string[] = []

  override open(path: string, mode: OpenMode): OpenFile {
    this.opened.push(path)
    return super.open(path, mode)
  }
}

test('10,000 partitions open without a look at their data', async () => {
  const files = new CountingFiles()
  const count = 10_000
  let log = await openLog(files)
  const partitions = Array.from({ length: count }, (_, i) => log.createPartition(TOPIC_ID, 'many', i, SETTINGS))
  log.start()
  for (const partition of partitions) log.append({ batches: [{ partition, bytes: batchOf('x') }], state: [], durability: 'written', onDone: () => {} })
  await log.close()
  files.opened.length = 0
  log = await openLog(files)
  for (let i = 0; i < count; i++) await log.openPartition(TOPIC_ID, 'many', i, SETTINGS)
  const data = files.opened.filter((path) => /\.(log|index|timeindex)$/.test(path) && path.startsWith('topics/'))
  assert.deepEqual(data, [])
  const last = (await log.openPartition(TOPIC_ID, 'many', count - 1, SETTINGS)) as PartitionLog
  assert.equal(last.logEndOffset, 1)
  assert.deepEqual(await valuesFrom(last), ['x'])
  await log.close()
})

/** Some segments of a closed log on disk, with values 0..299. */
async function written(path: string): Promise<{ settings: typeof SETTINGS; folder: string }> {
  const settings = { ...SETTINGS, segmentBytes: 10_000, indexIntervalBytes: 400 }
  const log = await openLog(new NodeFiles(path))
  const partition = log.createPartition(TOPIC_ID, 'orders', 0, settings)
  log.start()
  for (let i = 0; i < 300; i++) {
    const bytes = buildBatch([{ key: null, value: Buffer.from(`${i}`.padEnd(50)), timestampMs: 1000 + i }])
    await append(log, { batches: [{ partition, bytes }], durability: 'written' })
  }
  await log.close()
  return { settings, folder: join(path, 'topics/orders-0') }
}

const FIRST = '00000000000000000000'

for (const [what, damage] of [
  ['missing', (file: string) => rmSync(file)],
  ['cut within an entry', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, -3))],
  ['cut behind its first entry', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, file.endsWith('.timeindex') ? 12 : 8))],
  ['full of lies', (file: string) => writeFileSync(file, readFileSync(file).fill(7))],
] as const) {
  test(`an index that is ${what} does no harm`, async (t) => {
    const { path, remove } = temporaryFolder()
    t.after(remove)
    const { settings, folder } = await written(path)
    damage(`${folder}/${FIRST}.index`)
    if (what !== 'full of lies') damage(`${folder}/${FIRST}.timeindex`)
    const log = await openLog(new NodeFiles(path), { tailCacheBytes: 0 })
    const partition = await log.openPartition(TOPIC_ID, 'orders', 0, settings)
    log.start()
    for (const i of [0, 1, 40, 60, 80, 299]) {
      assert.equal((await valuesFrom(partition, i))[0]?.trim(), `${i}`)
      assert.deepEqual(await partition.offsetForTime(1000 + i), { offset: i, timestampMs: 1000 + i, leaderEpoch: 0 })
    }
    await log.close()
  })
}

test('a damaged batch is never served, and what lies before and behind it is', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const { settings, folder } = await written(path)
  const bytes = readFileSync(`${folder}/${FIRST}.log`)
  const at = bytes.indexOf('20 ')
  bytes[at] = 0x39
  writeFileSync(`${folder}/${FIRST}.log`, bytes)
  const log = await openLog(new NodeFiles(path), { tailCacheBytes: 0 })
  const partition = await log.openPartition(TOPIC_ID, 'orders', 0, settings)
  log.start()
  const limits = { maxBytes: 100, atLeastOne: true, endOffset: 300 }
  const damaged = await partition.read(20, limits)
  assert.equal('code' in damaged && damaged.code, 'corrupt')
  for (const offset of [19, 21]) {
    const read = await partition.read(offset, limits)
    assert.equal('batches' in read && read.batches.length, 1)
  }
  assert.equal(partition.logEndOffset, 300)
  await log.close()
})

test('the lock of a process that lives is respected, that of a dead one is taken over', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await once(other, 'spawn')
  writeFileSync(join(path, 'lock'), JSON.stringify({ pid: other.pid, startedTicks: null, bootId: null }))
  await assert.rejects(openLog(new NodeFiles(path)), new RegExp(`in use by process ${other.pid}`))
  other.kill('SIGKILL')
  await once(other, 'exit')
  await (await openLog(new NodeFiles(path))).close()
})

test('a data directory of a newer version is refused', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  await (await openLog(new NodeFiles(path))).close()
  const meta = join(path, 'elytra-meta.json')
  writeFileSync(meta, JSON.stringify({ ...JSON.parse(readFileSync(meta, 'utf8')), format: 2 }))
  await assert.rejects(openLog(new NodeFiles(path)), /format 2.*newer version/)
  rmSync(meta)
  await assert.rejects(openLog(new NodeFiles(path)), /no elytra-meta.json/)
})

/** The same disk after the machine went down. */
class OtherBoot extends NodeFiles {
  override readonly bootId = 'the next boot'
}

test('times are found behind what a power cut left of the index of an open segment', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const before = join(path, 'before')
  const { settings } = await written(before)
  // An orderly start puts the recovery point at the end; its process is never heard of again.
  const lost = await openLog(new NodeFiles(before))
  await lost.openPartition(TOPIC_ID, 'orders', 0, settings)
  const after = join(path, 'after')
  cpSync(before, after, { recursive: true, filter: (source) => !source.endsWith('/lock') })
  await lost.close()
  const folder = join(after, 'topics/orders-0')
  const active = readdirSync(folder)
    .filter((name) => name.endsWith('.timeindex'))
    .sort()
    .at(-1) as string
  const entries = readFileSync(join(folder, active))
  assert.ok(entries.length >= 48, 'the test needs an index with entries to lose')
  writeFileSync(join(folder, active), entries.subarray(0, 12))
  const log = await openLog(new OtherBoot(after), { tailCacheBytes: 0 })
  const partition = await log.openPartition(TOPIC_ID, 'orders', 0, settings)
  log.start()
  for (const i of [0, 100, 250, 290, 299]) assert.deepEqual(await partition.offsetForTime(1000 + i), { offset: i, timestampMs: 1000 + i, leaderEpoch: 0 })
  assert.equal(((await partition.offsetOfMaxTimestamp()) as { offset: number }).offset, 299)
  await log.close()
})
