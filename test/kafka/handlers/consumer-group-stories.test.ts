import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { CONSUMER_GROUP_STORIES, play } from '../lib/consumer-group-stories.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const golden: Record<string, unknown[]> = JSON.parse(await readFile(new URL('../../golden/kafka/consumer-groups.kafka-4.4.0.json', import.meta.url), 'utf8'))

for (const [name, story] of Object.entries(CONSUMER_GROUP_STORIES)) {
  test(`as Apache Kafka 4.4.0: ${name}`, async () => {
    await using kafka = await startKafka(new HeldLog())
    let names = 0
    const told = await play(story, { connect: () => RawClient.connect(kafka.address), name: (stem) => `${stem}-${names++}`, settleMs: 0 })
    // What is undefined is not in JSON.
    assert.deepEqual(JSON.parse(JSON.stringify(told)), golden[name])
  })
}

test('every story was recorded', () => {
  assert.deepEqual(Object.keys(golden).sort(), Object.keys(CONSUMER_GROUP_STORIES).sort())
})
