import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import type { LocalLog } from '../../../src/log/local-log.ts'
import type { LocalPartition } from '../../../src/log/local-partition.ts'
import type { FileSystem } from '../../../src/runtime/files.ts'
import { NodeFiles } from '../../../src/runtime/files-node.ts'
import { MemoryFiles } from '../../../src/storage/memory-files.ts'
import { silentLogger } from '../../../src/telemetry/logger.ts'
import { append, TOPIC_ID, temporaryFolder } from '../log-harness.ts'
import { batchesFrom, COMPACTED, cleanedUpTo, keyed, openCompacting, recordsFrom, until } from './compaction-harness.ts'

const STORES: Record<string, () => { fileSystem: FileSystem; remove(): void }> = {
  memory: () => ({ fileSystem: new MemoryFiles(), remove: () => {} }),
  disk: () => {
    const folder = temporaryFolder()
    return { fileSystem: new NodeFiles(folder.path), remove: folder.remove }
  },
}

async function write(log: LocalLog, partition: LocalPartition, ...batches: Uint8Array[]): Promise<void> {
  for (const bytes of batches) assert.ok(Array.isArray(await append(log, { batches: [{ partition, bytes }] })))
}

for (const [name, make] of Object.entries(STORES)) {
  test(`${name}: the last record of each key stays, at its offset`, async (t) => {
    const { fileSystem, remove } = make()
    t.after(remove)
    const log = await openCompacting(fileSystem)
    const partition = log.createPartition(TOPIC_ID, 'table', 0, COMPACTED) as LocalPartition
    log.start()
    for (let round = 0; round < 10; round++) await write(log, partition, keyed([`a=${round}`, `b=${round}`]), keyed([`c${round}=x`]))
    const end = partition.activeSegment?.baseOffset ?? 0
    assert.ok(end > 20)
    await cleanedUpTo(partition, end)
    const records = await recordsFrom(partition)
    assert.equal(partition.logStartOffset, 0)
    // The segment that is written to is not cleaned: what its records supersede goes later.
    const closed = records.filter((record) => Number(record.split(':')[0]) < end)
    assert.deepEqual(closed.filter((record) => record.includes(':a')).length, 1)
    assert.deepEqual(
      closed.filter((record) => record.includes(':c')),
      Array.from({ length: Math.floor(end / 3) }, (_, i) => `${i * 3 + 2}:c${i}=x`),
    )
    assert.equal(records.at(-1), '29:c9=x')
    assert.deepEqual(await recordsFrom(partition, 1), records)
    await log.close()
  })
}

test('what was compacted is there after a restart, and is compacted on', async (t) => {
  const folder = temporaryFolder()
  t.after(folder.remove)
  let log = await openCompacting(new NodeFiles(folder.path))
  let partition = log.createPartition(TOPIC_ID, 'table', 0, COMPACTED) as LocalPartition
  log.start()
  for (let round = 0; round < 20; round++) await write(log, partition, keyed([`a=${round}`, `b${round % 3}=${round}`]))
  await cleanedUpTo(partition, partition.activeSegment?.baseOffset ?? 0)
  const before = await recordsFrom(partition)
  const { cleanBelow } = partition.cleanerMark
  await log.close()
  log = await openCompacting(new NodeFiles(folder.path))
  partition = (await log.openPartition(TOPIC_ID, 'table', 0, COMPACTED)) as LocalPartition
  log.start()
  assert.equal(partition.cleanerMark.cleanBelow, cleanBelow)
  assert.deepEqual(await recordsFrom(partition), before)
  for (let round = 20; round < 30; round++) await write(log, partition, keyed([`a=${round}`, `b${round % 3}=${round}`]))
  const end = partition.activeSegment?.baseOffset ?? 0
  await cleanedUpTo(partition, end)
  const closed = (await recordsFrom(partition)).filter((record) => Number(record.split(':')[0]) < end)
  assert.equal(closed.length, 4)
  for (const batch of await batchesFrom(partition)) assert.ok(batch.length > 0)
  await log.close()
})

test('a topic that is compacted and deleted loses what is old, and goes on being compacted', async (t) => {
  const folder = temporaryFolder()
  t.after(folder.remove)
  const log = await openCompacting(new NodeFiles(folder.path), { retentionCheckMs: 10 })
  const partition = log.createPartition(TOPIC_ID, 'table', 0, { ...COMPACTED, deleteOld: true }) as LocalPartition
  log.start()
  const old = Date.now() - 3_600_000
  for (let round = 0; round < 20; round++) await write(log, partition, keyed([`a=${round}`, `old${round}=x`], { timestampMs: old }))
  await cleanedUpTo(partition, partition.activeSegment?.baseOffset ?? 0)
  for (let round = 20; round < 40; round++) await write(log, partition, keyed([`a=${round}`, `b=${round}`], { timestampMs: Date.now() }))
  partition.setSettings({ ...COMPACTED, deleteOld: true, retentionMs: 1_800_000 })
  await until(() => partition.logStartOffset >= 38)
  const end = partition.activeSegment?.baseOffset ?? 0
  await cleanedUpTo(partition, end)
  const records = await recordsFrom(partition)
  assert.ok(records.every((record) => !record.includes('old') || Number(record.split(':')[0]) >= 38))
  assert.equal(records.at(-1), '79:b=39')
  assert.ok(records.filter((record) => record.includes(':b=')).length < 10)
  await log.close()
})

test('a segment with damage in it ends compaction of its partition, and nothing is thrown away', async (t) => {
  const folder = temporaryFolder()
  t.after(folder.remove)
  let log = await openCompacting(new NodeFiles(folder.path), { cleanerEnabled: false })
  let partition = log.createPartition(TOPIC_ID, 'table', 0, COMPACTED) as LocalPartition
  log.start()
  for (let round = 0; round < 20; round++) await write(log, partition, keyed([`a=${round}`, `b=${round}`]))
  await log.close()
  const path = `${folder.path}/topics/table-0/00000000000000000000.log`
  const bytes = readFileSync(path)
  bytes[100] = (bytes[100] as number) ^ 1
  writeFileSync(path, bytes)
  const said: string[] = []
  const error = (fields: object, message: string): void => void said.push(`${message} ${JSON.stringify(fields)}`)
  log = await openCompacting(new NodeFiles(folder.path), {}, undefined, { ...silentLogger, error })
  partition = (await log.openPartition(TOPIC_ID, 'table', 0, COMPACTED)) as LocalPartition
  log.start()
  await until(() => said.some((line) => line.includes('cannot be compacted')))
  assert.equal(partition.cleanerMark.cleanBelow, 0)
  assert.deepEqual(readFileSync(path), bytes)
  await log.close()
})
