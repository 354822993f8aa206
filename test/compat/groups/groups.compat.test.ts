import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { missingTools } from '../../../scripts/real-kafka/install.ts'
import { startRealKafka } from '../../../scripts/real-kafka/start.ts'
import { askAboutGroups } from '../../kafka/lib/group-story.ts'

const GOLDEN = new URL('../../golden/kafka/groups-story.kafka-4.4.0.json', import.meta.url)
const missing = await missingTools()

// The broker's half of the comparison is test/kafka/handlers/group-story.test.ts. RECORD=1 writes the file anew.
test('Apache Kafka 4.4 still says of groups what was recorded', { skip: missing.length === 0 ? false : `needs ${missing.join(', ')}` }, async () => {
  await using kafka = await startRealKafka()
  const said = Object.fromEntries(await askAboutGroups({ host: '127.0.0.1', port: kafka.port }))
  if (process.env.RECORD === '1') await writeFile(GOLDEN, `${JSON.stringify(said, null, 1)}\n`)
  assert.deepEqual(said, JSON.parse(await readFile(GOLDEN, 'utf8')))
})
