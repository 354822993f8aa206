/**
 * Differences: the same raw requests go to a real Kafka 4.4.0 and to Elytra, and the answers must be the same but where a
 * question says why not. `REAL_KAFKA=HOST:PORT` uses a Kafka that is running; `ONLY=TEXT` asks only questions whose names
 * have that in them; `SHOW=1` prints the answers.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { missingTools } from '../../../scripts/real-kafka/install.ts'
import { startRealKafka } from '../../../scripts/real-kafka/start.ts'
import { startBroker } from '../../../src/index.ts'
import { comparedWithKafka } from '../lib/again.ts'
import { Peer } from './question.ts'
import { QUESTIONS } from './questions/all.ts'

const { REAL_KAFKA, ONLY, SHOW } = process.env
const missing = await missingTools()
const asked = QUESTIONS.filter(({ name }) => ONLY === undefined || name.includes(ONLY))

describe('differential', { skip: missing.length > 0 ? `${missing.join(' and ')} not found` : false }, () => {
  const opened: AsyncDisposable[] = []
  let kafka: Peer
  let elytra: Peer
  before(async () => {
    const address = REAL_KAFKA ?? (await open(startRealKafka())).bootstrap
    kafka = peerAt(address)
    // What a fresh Kafka has by default.
    const broker = await open(startBroker({ settings: { 'num.partitions': 1 } }))
    elytra = peerAt(broker.kafka)
  })
  after(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]()
  })
  async function open<T extends AsyncDisposable>(opening: Promise<T>): Promise<T> {
    const one = await opening
    opened.push(one)
    return one
  }

  test('every question has a name of its own', () => {
    assert.equal(new Set(QUESTIONS.map(({ name }) => name)).size, QUESTIONS.length)
  })

  for (const question of asked) {
    test(question.name, { timeout: 120_000 }, (t) =>
      comparedWithKafka(t, async () => {
        Peer.alignNames(kafka, elytra)
        const [expected, actual] = [await question.ask(kafka), await question.ask(elytra)]
        if (SHOW !== undefined) console.log(question.name, 'KAFKA', JSON.stringify(expected), 'ELYTRA', JSON.stringify(actual))
        if (question.difference === undefined) assert.deepEqual(actual, expected)
        else assert.notDeepEqual(actual, expected, `no difference any more: "${question.difference}"`)
      }),
    )
  }
})

function peerAt(address: string): Peer {
  const [host, port] = address.split(':') as [string, string]
  return new Peer({ host, port: Number(port) })
}
