import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { missingTools } from '../../../scripts/real-kafka/install.ts'
import { startRealKafka } from '../../../scripts/real-kafka/start.ts'
import { CONSUMER_GROUP_STORIES, play } from '../../kafka/lib/consumer-group-stories.ts'
import { askAboutGroups } from '../../kafka/lib/group-story.ts'
import { Peer } from '../differential/question.ts'
import { comparedWithKafka } from '../lib/again.ts'

const GOLDEN = new URL('../../golden/kafka/groups-story.kafka-4.4.0.json', import.meta.url)
const CONSUMER_GOLDEN = new URL('../../golden/kafka/consumer-groups.kafka-4.4.0.json', import.meta.url)
const missing = await missingTools()

// The broker's half of the comparison is test/kafka/handlers/group-story.test.ts. RECORD=1 writes the file anew.
test('Apache Kafka 4.4 still says of groups what was recorded', { skip: missing.length === 0 ? false : `needs ${missing.join(', ')}` }, (t) =>
  comparedWithKafka(t, async () => {
    await using kafka = await startRealKafka()
    const said = Object.fromEntries(await askAboutGroups({ host: '127.0.0.1', port: kafka.port }))
    if (process.env.RECORD === '1') await writeFile(GOLDEN, `${JSON.stringify(said, null, 1)}\n`)
    assert.deepEqual(said, JSON.parse(await readFile(GOLDEN, 'utf8')))
  }),
)

// The broker's half: test/kafka/handlers/consumer-group-stories.test.ts.
test('Apache Kafka 4.4 still says of groups of KIP-848 what was recorded', { skip: missing.length === 0 ? false : `needs ${missing.join(', ')}` }, (t) =>
  comparedWithKafka(t, async () => {
    await using kafka = await startRealKafka()
    const peer = new Peer({ host: '127.0.0.1', port: kafka.port })
    const told: Record<string, readonly unknown[]> = {}
    for (const [name, story] of Object.entries(CONSUMER_GROUP_STORIES)) told[name] = await play(story, peer)
    if (process.env.RECORD === '1') await writeFile(CONSUMER_GOLDEN, `${JSON.stringify(told, null, 1)}\n`)
    // What is undefined is not in JSON.
    assert.deepEqual(JSON.parse(JSON.stringify(told)), JSON.parse(await readFile(CONSUMER_GOLDEN, 'utf8')))
  }),
)
