import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { ProduceRequest } from '../src/kafka/messages/produce.ts'
import { decodeRequestHeader } from '../src/kafka/wire/frame.ts'
import { decode, isFlexible } from '../src/kafka/wire/message.ts'
import { writeGolden } from './kafka-frames/golden-files.ts'
import { askEverything } from './kafka-frames/questions.ts'
import type { RecordedFrame } from './kafka-frames/recording-proxy.ts'
import { RecordingProxy } from './kafka-frames/recording-proxy.ts'
import { allMessages } from './kafka-messages/tables.ts'
import { cacheDir, installKafka, installKafkaTools, KAFKA_TOOLS_VERSION, KAFKA_VERSION, missingTools } from './real-kafka/install.ts'
import { startRealKafka } from './real-kafka/start.ts'

/**
 * Records what real clients and a real Kafka say to each other, into test/golden/kafka:
 *
 *     node scripts/record-kafka-frames.ts [keep] [plain|sasl]
 *
 * Starts Kafka behind a recording proxy, runs every client through it, without and with SASL, and writes for each API and
 * version the most telling request of each client and answer of the broker. Needs `mvn`, a JDK, `python3` and `kcat`;
 * clients are installed into `.cache/`. Record batches of each codec and client are written too. With the argument `keep`
 * files that exist stay as they are, and only what is new is added; only then one of
 * the two runs is enough.
 */

const goldenDir = resolve(import.meta.dirname, '../test/golden/kafka')
const clientsDir = resolve(import.meta.dirname, 'kafka-frames/clients')
/** What this script writes; other golden files of the folder are left alone. */
const OWN_FILE = /^(\w+-v\d+-(request|response)|record-batch-\w+)\..*\.hex$/
const CLIENT_TIMEOUT_MS = 120_000
/** Frames above this are left out: a few records say as much as a thousand. */
const MAX_GOLDEN_BYTES = 4000
/** Requests of one API and version are kept from this many clients. */
const MAX_CLIENTS = 3
const run = promisify(execFile)

interface Client {
  readonly name: string
  readonly sasl: boolean
  start(bootstrap: string, prefix: string, mode: 'plain' | 'sasl'): Promise<void>
}

const missing = await missingTools()
if (missing.length > 0) throw new Error(`frames cannot be recorded: ${missing.join(' and ')} not found`)
const clients = await installClients()
const frames = new Map<string, RecordedFrame>()
const batches = new Map<string, Buffer>()
const names = new Map(
  (await allMessages()).filter((table) => table.name.endsWith('Request')).map((table) => [table.key, table.name.slice(0, -'Request'.length)]),
)

for (const mode of ['plain', 'sasl'] as const) if ((process.argv[3] ?? mode) === mode) await record(mode)
await writeAll()

async function record(mode: 'plain' | 'sasl'): Promise<void> {
  await using proxy = new RecordingProxy(note)
  const port = await proxy.listen()
  await using kafka = await startRealKafka({ advertisedPort: port, properties: mode === 'sasl' ? saslProperties() : {} })
  proxy.forwardTo(kafka.port)
  for (const client of clients) {
    if (mode === 'sasl' && !client.sasl) continue
    proxy.client = client.name
    console.log(`${client.name} (${mode})`)
    await client
      .start(`127.0.0.1:${port}`, client.name.replaceAll('.', '-'), mode)
      .catch((error: Error) => console.error(`${client.name} failed: ${error.message}`))
  }
  if (mode === 'plain') {
    proxy.client = 'questions'
    const batch = [...batches].find(([name]) => name.startsWith('record-batch-none.'))?.[1]
    if (batch === undefined) throw new Error('no client produced a batch without compression')
    const answers = await askEverything({ host: '127.0.0.1', port }, batch)
    for (const answer of answers) if (answer.value === null) console.error(`no answer to ${answer.name} v${answer.version}`)
  }
}

/** Keeps the longest frame of each kind, up to the limit. */
function note(frame: RecordedFrame): void {
  if (frame.direction === 'request') noteBatches(frame)
  const api = names.get(frame.apiKey)
  if (api === undefined || frame.bytes.length > MAX_GOLDEN_BYTES) return
  if (frame.direction === 'request' && frame.client === 'questions') return
  const origin = frame.direction === 'response' ? `kafka-${KAFKA_VERSION}` : frame.client
  const key = `${api}-v${frame.apiVersion}-${frame.direction}.${origin}`
  const known = frames.get(key)
  if (known === undefined || known.bytes.length < frame.bytes.length) frames.set(key, frame)
}

/** Batches for topics named `…-golden-CODEC`: the same ten records from everyone. */
function noteBatches(frame: RecordedFrame): void {
  if (frame.apiKey !== ProduceRequest.key || frame.client === 'questions') return
  const { bodyOffset } = decodeRequestHeader(frame.bytes, isFlexible(ProduceRequest, frame.apiVersion))
  for (const topic of decode(ProduceRequest, frame.apiVersion, frame.bytes, bodyOffset).topicData) {
    const records = topic.partitionData[0]?.records
    if (records == null) continue
    // Produce v13 has no topic names; the attributes of the batch name the codec as well.
    const codec = ['none', 'gzip', 'snappy', 'lz4', 'zstd'][(records[22] ?? 0) & 7]
    const recordCount = Buffer.from(records).readInt32BE(57)
    if (recordCount === 10) batches.set(`record-batch-${codec}.${frame.client}`, Buffer.from(records))
  }
}

async function writeAll(): Promise<void> {
  const keep = process.argv[2] === 'keep'
  await mkdir(goldenDir, { recursive: true })
  if (!keep) await Promise.all((await readdir(goldenDir)).filter((file) => OWN_FILE.test(file)).map((file) => rm(join(goldenDir, file))))
  const existing = await readdir(goldenDir)
  const perKind = new Map<string, number>()
  for (const name of existing) {
    const kind = name.split('.')[0] as string
    perKind.set(kind, (perKind.get(kind) ?? 0) + 1)
  }
  let written = 0
  for (const [name, bytes] of [...[...frames].map(([name, frame]) => [name, frame.bytes] as const), ...batches]) {
    const kind = name.split('.')[0] as string
    const count = perKind.get(kind) ?? 0
    const limit = name.startsWith('record-batch') ? Infinity : name.includes('-request.') ? MAX_CLIENTS : 1
    if (existing.includes(`${name}.hex`) || count >= limit) continue
    perKind.set(kind, count + 1)
    await writeGolden(join(goldenDir, `${name}.hex`), bytes)
    written += 1
  }
  console.log(`${written} files written`)
}

function saslProperties(): Record<string, string> {
  const jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="wonderland" user_alice="wonderland";'
  return {
    'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'inter.broker.listener.name': 'PLAINTEXT',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.plaintext.plain.sasl.jaas.config': jaas,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:alice;User:ANONYMOUS',
    'delegation.token.secret.key': 'a secret',
  }
}

async function installClients(): Promise<readonly Client[]> {
  const python = async (name: string, requirement: string, script: string): Promise<Client> => {
    const venv = join(cacheDir, `venv-${requirement.replaceAll('==', '-')}`)
    if (!existsSync(venv)) {
      await run('python3', ['-m', 'venv', venv])
      await run(join(venv, 'bin', 'pip'), ['install', '-q', requirement])
    }
    return { name, sasl: true, start: (...args) => runClient(join(venv, 'bin', 'python'), [join(clientsDir, script), ...args]) }
  }
  const node = (name: string, script: string): Client => ({
    name,
    sasl: true,
    start: (...args) => runClient(process.execPath, [join(clientsDir, script), ...args]),
  })
  const java = (name: string, classPath: string): Client => ({
    name,
    sasl: true,
    start: (...args) => runClient('java', ['-cp', classPath, join(clientsDir, 'JavaClient.java'), ...args]),
  })
  return [
    java(`java-${KAFKA_VERSION}`, await installKafka()),
    await python('librdkafka-2.16.1', 'confluent-kafka==2.16.1', 'confluent_client.py'),
    node('kafkajs-2.2.4', 'kafkajs-client.ts'),
    node('platformatic-kafka-2.12.1', 'platformatic-client.ts'),
    { name: 'kcat-1.7.1', sasl: false, start: (bootstrap, prefix) => runKcat(bootstrap, prefix) },
    await python('aiokafka-0.14.0', 'aiokafka==0.14.0', 'aiokafka_client.py'),
    await python('kafka-python-2.0.2', 'kafka-python==2.0.2', 'kafka_python_client.py'),
    await python('kafka-python-3.0.12', 'kafka-python==3.0.12', 'kafka_python_client.py'),
    java(`java-${KAFKA_TOOLS_VERSION}`, await installKafkaTools()),
  ]
}

async function runKcat(bootstrap: string, prefix: string): Promise<void> {
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const records = Array.from({ length: 10 }, (_, i) => `key-${i}\tvalue ${i} ${'abc'.repeat(30)}`).join('\n')
    const options = ['-X', 'linger.ms=500', ...(codec === 'none' ? [] : ['-z', codec])]
    // Makes the topic, so that no record waits for it while the others are sent.
    await runClient('kcat', ['-q', '-b', bootstrap, '-L', '-t', `${prefix}-golden-${codec}`])
    await runClient('kcat', ['-q', '-b', bootstrap, '-P', '-t', `${prefix}-golden-${codec}`, '-K', '\t', '-H', 'origin=golden', ...options], `${records}\n`)
  }
  await runClient('kcat', ['-q', '-b', bootstrap, '-L'])
  await runClient('kcat', ['-q', '-b', bootstrap, '-C', '-t', `${prefix}-golden-none`, '-o', 'beginning', '-e'])
  await runClient('kcat', ['-q', '-b', bootstrap, '-G', `${prefix}-group`, '-c', '5', '-X', 'auto.offset.reset=earliest', `${prefix}-golden-gzip`])
  await runClient('kcat', ['-q', '-b', bootstrap, '-Q', '-t', `${prefix}-golden-none:0:1000`])
}

/** Runs a client to its end; what it prints is shown when it fails. */
async function runClient(command: string, args: readonly string[], input = ''): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: CLIENT_TIMEOUT_MS })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-3000)
    })
  }
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`exit ${code}: ${output}`)
  if (output.includes('answered:'))
    console.log(
      output
        .split('\n')
        .filter((line) => line.includes('answered:'))
        .join('\n'),
    )
}
