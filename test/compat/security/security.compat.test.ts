/** Logins of real clients against one store of users: Kafka SASL PLAIN and SCRAM, MQTT passwords; and the refusal of wrong ones. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Admin as PlatformaticAdmin } from '@platformatic/kafka'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import mqtt from 'mqtt'
import { tool } from '../java/tools.ts'
import { openPeer, type Peer, ROOT } from '../lib/broker.ts'
import { run, runOk, within } from '../lib/process.ts'
import { javaMissing, PYTHON, programsMissing, pythonMissing } from '../lib/toolchain.ts'

const USER = 'alice'
const PASSWORD = 'größe, "quoted" & long enough'
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const mechanismOf = (mechanism: string) => mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512'
const missing =
  process.env.COMPAT_KAFKA || process.env.COMPAT_MQTT
    ? 'needs users of its own broker'
    : pythonMissing() || programsMissing('kcat', 'mosquitto_pub') || javaMissing()

describe('security', { skip: missing }, () => {
  let peer: Peer
  let folder: string

  before(async () => {
    peer = await openPeer()
    folder = await mkdtemp(join(tmpdir(), 'elytra-users-'))
    const bin = join(process.env.COMPAT_ELYTRA ?? ROOT, 'bin/elytra.js')
    await runOk(process.execPath, [bin, 'user', 'add', USER, '-b', peer.kafka], { input: `${PASSWORD}\n` })
  })
  after(async () => {
    await peer?.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  for (const mechanism of MECHANISMS) {
    const librdkafka = (password: string) => ({
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanisms': mechanism,
      'sasl.username': USER,
      'sasl.password': password,
    })

    test(`kafkajs logs in by ${mechanism}, and not with a wrong password`, async () => {
      const list = async (password: string) => {
        const sasl = { mechanism: mechanismOf(mechanism), username: USER, password } as SASLOptions
        const admin = new Kafka({ brokers: [peer.kafka], sasl, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
        try {
          await admin.connect()
          return await admin.listTopics()
        } finally {
          await admin.disconnect()
        }
      }
      assert.ok(Array.isArray(await list(PASSWORD)))
      await assert.rejects(list('wrong'), /authentication failed|Authentication/i)
    })

    test(`@platformatic/kafka logs in by ${mechanism}, and not with a wrong password`, async () => {
      const list = async (password: string) => {
        const admin = new PlatformaticAdmin({ clientId: 'sasl', bootstrapBrokers: [peer.kafka], retries: 0, sasl: { mechanism, username: USER, password } })
        try {
          return await within('listing', 10_000, admin.listTopics())
        } finally {
          await admin.close()
        }
      }
      assert.ok(Array.isArray(await list(PASSWORD)))
      await assert.rejects(list('wrong'))
    })

    test(`kcat logs in by ${mechanism}, and not with a wrong password`, async () => {
      const list = (password: string) =>
        run('kcat', ['-b', peer.kafka, '-L', '-m', '5', ...Object.entries(librdkafka(password)).flatMap(([key, value]) => ['-X', `${key}=${value}`])])
      const right = await list(PASSWORD)
      assert.equal(right.code, 0, right.stderr)
      assert.notEqual((await list('wrong')).code, 0)
    })

    test(`confluent-kafka logs in by ${mechanism}, and not with a wrong password`, async () => {
      const script = [
        'import json, sys',
        'from confluent_kafka.admin import AdminClient',
        'admin = AdminClient({**json.load(sys.stdin), "log_level": 0})',
        'print(len(admin.list_topics(timeout=5).brokers))',
      ].join('\n')
      const list = (password: string) => run(PYTHON, ['-c', script], { input: JSON.stringify({ 'bootstrap.servers': peer.kafka, ...librdkafka(password) }) })
      const right = await list(PASSWORD)
      assert.equal(right.stdout.trim(), '1', right.stderr)
      assert.notEqual((await list('wrong')).code, 0)
    })

    test(`Java logs in by ${mechanism}, and not with a wrong password`, async () => {
      const list = async (password: string) => {
        const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule'
        const quoted = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
        const jaas = `org.apache.kafka.common.security.${module} required username=${quoted(USER)} password=${quoted(password)};`
        const file = join(folder, `client-${mechanism}.properties`)
        // A properties file is Latin-1 with escapes.
        const escaped = [...jaas.replaceAll('\\', '\\\\')]
          .map((char) => (char > '~' ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char))
          .join('')
        await writeFile(
          file,
          `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=${mechanism}\nsasl.jaas.config=${escaped}\nrequest.timeout.ms=5000\ndefault.api.timeout.ms=8000\n`,
        )
        return tool('org.apache.kafka.tools.TopicCommand', ['--bootstrap-server', peer.kafka, '--list', '--command-config', file])
      }
      const right = await list(PASSWORD)
      assert.equal(right.code, 0, right.stdout + right.stderr)
      const wrong = await list('wrong')
      assert.match(wrong.stdout + wrong.stderr, /Authentication failed|SaslAuthenticationException/i)
    })
  }

  for (const protocolVersion of [4, 5] as const) {
    test(`MQTT.js logs in with the same user, MQTT ${protocolVersion === 4 ? '3.1.1' : '5.0'}, and neither with a wrong password nor without`, async () => {
      const connect = (credentials: { username?: string; password?: string }) =>
        within(
          'connecting',
          10_000,
          new Promise<string>((resolve) => {
            const client = mqtt.connect({ host: peer.mqtt.host, port: peer.mqtt.port, protocolVersion, reconnectPeriod: 0, ...credentials })
            const end = (outcome: string) => {
              client.end(true)
              resolve(outcome)
            }
            client.once('connect', () => end('connected'))
            client.once('error', (error) => end(error.message))
            client.once('close', () => end('closed'))
          }),
        )
      assert.equal(await connect({ username: USER, password: PASSWORD }), 'connected')
      assert.match(await connect({ username: USER, password: 'wrong' }), /refused|authori[sz]ed|Bad/i)
      assert.match(await connect({}), /refused|authori[sz]ed/i)
    })
  }

  test('mosquitto_pub logs in, and is told when it may not', async () => {
    const pub = (...words: string[]) =>
      run('mosquitto_pub', ['-h', peer.mqtt.host, '-p', `${peer.mqtt.port}`, '-q', '1', '-t', 'secure/k', '-m', 'x', ...words])
    assert.equal((await pub('-u', USER, '-P', PASSWORD)).code, 0)
    assert.notEqual((await pub('-u', USER, '-P', 'wrong')).code, 0)
    assert.notEqual((await pub()).code, 0)
  })

  test('a Kafka client without credentials is refused', async () => {
    const result = await run('kcat', ['-b', peer.kafka, '-L', '-m', '3'])
    assert.notEqual(result.code, 0, result.stdout)
  })
})
