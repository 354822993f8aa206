import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Peer } from '../test/compat/differential/question.ts'
import { TRANSACTION_QUESTIONS } from '../test/compat/differential/questions/transactions.ts'
import { KAFKA_VERSION } from './real-kafka/install.ts'
import { startRealKafka } from './real-kafka/start.ts'

/**
 * Records what a real Kafka answers to the questions about transactions, into test/golden/kafka: what the unit tests expect of Elytra.
 *
 *     node scripts/record-kafka-answers.ts
 *
 * Needs `mvn` and a JDK, or `REAL_KAFKA=HOST:PORT`.
 */
const { REAL_KAFKA } = process.env
await using kafka = REAL_KAFKA === undefined ? await startRealKafka() : null
const [host, port] = (REAL_KAFKA ?? kafka?.bootstrap ?? '').split(':') as [string, string]
const peer = new Peer({ host, port: Number(port) })
const answers: Record<string, unknown> = {}
for (const { name, difference, ask } of TRANSACTION_QUESTIONS) if (difference === undefined) answers[name] = await ask(peer)
const file = resolve(import.meta.dirname, `../test/golden/kafka/transactions.kafka-${KAFKA_VERSION}.json`)
await writeFile(file, `${JSON.stringify(answers, null, 1)}\n`)
console.log(`${Object.keys(answers).length} answers written`)
