/**
 * Every method of Java's Admin, as kafka-clients 4.1.2 and 4.4.0 have it. What a real Kafka 4.4.0 answered is recorded in test/golden/kafka;
 * Elytra must answer the same, but where DIFFERENCES says why not. `RECORD=1` records anew.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { missingTools } from '../../../scripts/real-kafka/install.ts'
import { startRealKafka } from '../../../scripts/real-kafka/start.ts'
import { comparedWithKafka } from '../lib/again.ts'
import { openPeer } from '../lib/broker.ts'
import { run, tail } from '../lib/process.ts'
import { javaMissing } from '../lib/toolchain.ts'
import { DIFFERENCES } from './admin-differences.ts'
import { javaArgs } from './tools.ts'

interface Answer {
  readonly check: string
  readonly ok: boolean
  readonly answer: readonly string[]
  readonly detail?: string
}

type Answers = Readonly<Record<string, readonly string[]>>

const VERSIONS = ['4.1.2', '4.4.0']
const golden = (version: string) => new URL(`../../golden/kafka/admin-${version}.kafka-4.4.0.json`, import.meta.url)
const recorded = async (version: string): Promise<Answers> => JSON.parse(await readFile(golden(version), 'utf8')) as Answers

/** Runs all checks. One that failed on its way answers with how: no broker does so on purpose. */
async function ask(version: string, address: string, words: readonly string[]): Promise<Answers> {
  const result = await run('java', javaArgs(`clients-${version}`, 'AdminChecks', [address, ...words]), { timeoutMs: 240_000 })
  const lines = result.stdout.split('\n').filter((line) => line.startsWith('{"check"'))
  const answers = lines.map((line) => JSON.parse(line) as Answer)
  assert.equal(result.code, 0, tail(result.stderr))
  return Object.fromEntries(answers.map(({ check, ok, answer, detail }) => [check, ok ? answer : [`failed: ${detail}`]]))
}

/** As `rights` in test/compat/security has it: users with passwords, rights, tokens. */
function kafkaProperties(): Record<string, string> {
  const security = 'org.apache.kafka.common.security'
  return {
    'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256',
    'inter.broker.listener.name': 'PLAINTEXT',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.plaintext.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required username="admin" password="secret" user_admin="secret";`,
    'listener.name.plaintext.scram-sha-256.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:admin;User:ANONYMOUS',
    'delegation.token.secret.key': 'a secret',
  }
}

const missing = await missingTools()

describe('java Admin', { skip: process.env.COMPAT_KAFKA ? 'it starts brokers of its own' : javaMissing() }, () => {
  // Only the newest is asked again: what the older client was told is of the same Kafka.
  for (const version of process.env.RECORD === '1' ? VERSIONS : ['4.4.0']) {
    test(
      `Apache Kafka 4.4 still answers kafka-clients ${version} as recorded`,
      {
        skip: missing.length > 0 ? `${missing.join(' and ')} not found` : false,
      },
      (t) =>
        comparedWithKafka(t, async () => {
          await using kafka = await startRealKafka({ properties: kafkaProperties() })
          const answers = await ask(version, kafka.bootstrap, [])
          if (process.env.RECORD === '1') await writeFile(golden(version), `${JSON.stringify(answers, null, 1)}\n`)
          assert.deepEqual(answers, await recorded(version))
        }),
    )
  }

  for (const version of VERSIONS) {
    test(`Admin of kafka-clients ${version}`, async (t) => {
      const wanted = await recorded(version)
      await using elytra = await openPeer({ args: ['--set', 'num.partitions=1'] })
      const answers = await ask(version, elytra.kafka, ['first-user'])
      assert.deepEqual(Object.keys(answers), Object.keys(wanted))
      for (const [method, answer] of Object.entries(answers)) {
        await t.test(method, () => compare(method, answer, wanted[method] ?? []))
      }
    })
  }
})

/** The same lines, but those that a difference names, which must still differ. */
function compare(method: string, answer: readonly string[], wanted: readonly string[]): void {
  const differences = DIFFERENCES.filter((difference) => difference.method === method)
  const rest = (lines: readonly string[]) => lines.filter((line) => !differences.some(({ line: begin }) => line.startsWith(begin)))
  assert.deepEqual(rest(answer), rest(wanted))
  for (const { line: begin, why } of differences) {
    const of = (lines: readonly string[]) => lines.filter((line) => line.startsWith(begin))
    assert.notDeepEqual(of(answer), of(wanted), `no difference any more: ${method}, ${begin} (${why})`)
  }
}
