import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { askAboutGroups } from '../lib/group-story.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog } from '../lib/held-log.ts'

test('groups answer as Apache Kafka 4.4.0 does, to every question in every version', async () => {
  const golden: Record<string, string> = JSON.parse(await readFile(new URL('../../golden/kafka/groups-story.kafka-4.4.0.json', import.meta.url), 'utf8'))
  await using kafka = await startKafka(new HeldLog())
  const said = Object.fromEntries(await askAboutGroups(kafka.address))
  assert.ok(Object.keys(golden).length > 700)
  assert.deepEqual(said, golden)
})
