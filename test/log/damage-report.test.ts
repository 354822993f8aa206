import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { LocalLog } from '../../src/log/local-log.ts'
import { DEFAULT_LOG_SETTINGS } from '../../src/log/settings.ts'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { append, batchOf, openLog, SETTINGS, TOPIC_ID, temporaryFolder } from './log-harness.ts'

test('a damaged batch that readers meet is reported once, with its file, position and offset', async (t) => {
  const { path, remove } = temporaryFolder()
  t.after(remove)
  const before = await openLog(new NodeFiles(path))
  const written = before.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  before.start()
  for (const value of ['first', 'second', 'third']) await append(before, { batches: [{ partition: written, bytes: batchOf(value) }], durability: 'durable' })
  await before.close()
  const file = join(path, 'topics/orders-0/00000000000000000000.log')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('second')] = 0x53
  writeFileSync(file, bytes)

  const told: object[] = []
  const logger = { ...silentLogger, error: (fields: object, message: string) => told.push({ ...fields, message }) }
  const log = new LocalLog(new NodeFiles(path), systemClock, systemRandom, logger, { ...DEFAULT_LOG_SETTINGS, tailCacheBytes: 0 })
  await log.open()
  const partition = await log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  log.start()
  for (let reader = 0; reader < 3; reader++) {
    const read = await partition.read(1, { maxBytes: 1000, atLeastOne: true, endOffset: 3 })
    assert.equal('code' in read && read.code, 'corrupt')
  }
  await log.close()
  const [report] = told as { file: string }[]
  assert.equal(told.length, 1)
  assert.deepEqual({ ...report, file: '' }, { file: '', position: batchOf('first').length, offset: 1, message: 'a batch is damaged; it is not served' })
  assert.match(report?.file ?? '', /orders-0\/0{20}\.log$/)
})
