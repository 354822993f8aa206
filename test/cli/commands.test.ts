import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { VERBS } from '../../src/cli/verbs.ts'
import { type Broker, startBroker } from '../../src/index.ts'
import { type CliOptions, type CliRun, cli, linesOf, startCli } from './run-cli.ts'

let broker: Broker

before(async () => {
  broker = await startBroker()
})
after(() => broker.close())

const kafka = (words: string[], options?: CliOptions): Promise<CliRun> => cli([...words, '-b', broker.kafka], options)
const mqtt = (words: string[], options?: CliOptions): Promise<CliRun> => cli([...words, '-b', broker.mqtt.slice('mqtt://'.length)], options)

test('a topic is created, listed, described and deleted', async () => {
  const created = await kafka(['topic', 'create', 'life', '-p', '2', '-c', 'retention.ms=1000'])
  assert.deepEqual(created, { exitCode: 0, stdout: '', stderr: 'created topic life with 2 partitions\n' })
  const listed = await kafka(['topic', 'list'])
  assert.match(listed.stdout, /^TOPIC +PARTITIONS\n(.*\n)*life +2\n/)
  const described = await kafka(['topic', 'describe', 'life'])
  assert.match(described.stdout, /retention\.ms +1000 +topic/)
  const json = JSON.parse((await kafka(['topic', 'describe', 'life', '--json'])).stdout) as { partitions: unknown[]; set: string[] }
  assert.equal(json.partitions.length, 2)
  assert.deepEqual(json.set, ['retention.ms'])
  const asked = await kafka(['topic', 'delete', 'life'])
  assert.equal(asked.exitCode, 1)
  assert.match(asked.stderr, /would delete topic life with 0 records\n.*--yes/)
  assert.equal((await kafka(['topic', 'delete', 'life', '--yes'])).exitCode, 0)
  const gone = await kafka(['topic', 'describe', 'life'])
  assert.equal(gone.exitCode, 1)
  assert.match(gone.stderr, /UNKNOWN_TOPIC_OR_PARTITION/)
})

test('what the broker refuses is said in its words', async () => {
  await kafka(['topic', 'create', 'twice'])
  const again = await kafka(['topic', 'create', 'twice'])
  assert.equal(again.exitCode, 1)
  assert.match(again.stderr, /cannot create topic "twice": .*TOPIC_ALREADY_EXISTS/)
  const config = await kafka(['topic', 'create', 'other', '-c', 'nonsense=1'])
  assert.match(config.stderr, /nonsense/)
})

test('lines are produced, and consumed with key, offset and header', async () => {
  await kafka(['topic', 'create', 'lines', '-p', '1'])
  const produced = await kafka(['produce', 'lines', '-k', 'k', '-H', 'h=x'], { stdin: 'a\nb\nc\n' })
  assert.deepEqual(produced, { exitCode: 0, stdout: '', stderr: 'produced 3 records to lines\n' })
  const consumed = await kafka(['consume', 'lines', '--exit', '-f', '%o %k %v %h{%k=%v}\\n'])
  assert.deepEqual(consumed, { exitCode: 0, stdout: '0 k a h=x\n1 k b h=x\n2 k c h=x\n', stderr: '' })
  assert.equal((await kafka(['consume', 'lines', '--exit', '-o', '-1'])).stdout, 'c\n')
  assert.equal((await kafka(['consume', 'lines', '--exit', '-o', '+1', '-n', '1'])).stdout, 'b\n')
  assert.equal((await kafka(['consume', 'lines', '--exit', '-o', '@-1h'])).stdout, 'a\nb\nc\n')
  assert.equal((await kafka(['consume', 'lines', '--exit', '-o', 'end'])).stdout, '')
})

test('the same key goes to the same partition as with Kafka’s Java client', async () => {
  await kafka(['topic', 'create', 'keys', '-p', '4'])
  const run = await kafka(['produce', 'keys', '-f', '%k\\n', '--json'], { stdin: '{"key":"foobar","value":"x"}\n{"key":"21","value":"y"}\n' })
  const where = linesOf(run.stdout).map((line) => (JSON.parse(line) as { partition: number }).partition)
  // UtilsTest of Kafka: murmur2("foobar") = -790332482, murmur2("21") = -973932308.
  assert.deepEqual(where.sort(), [(-790332482 & 0x7fffffff) % 4, (-973932308 & 0x7fffffff) % 4].sort())
})

test('a tombstone has a key and no value', async () => {
  await kafka(['topic', 'create', 'graves', '-p', '1'])
  assert.equal((await kafka(['produce', 'graves', '--tombstone', '-k', 'a', '-v', 'x'])).exitCode, 2)
  assert.equal((await kafka(['produce', 'graves', '--tombstone', '-k', 'a'])).exitCode, 0)
  assert.match((await kafka(['consume', 'graves', '--exit', '--json'])).stdout, /^\{[^\n]*"key":"a","value":null[^\n]*\}\n$/)
})

test('consume’s JSON is produce’s input', async () => {
  await kafka(['topic', 'create', 'from', '-p', '1'])
  await kafka(['topic', 'create', 'into', '-p', '1'])
  await kafka(['produce', 'from', '-k', 'é', '-v', 'v', '-H', 'a=1', '-H', 'a=2'])
  await kafka(['produce', 'from', '-k', 'k', '--tombstone'])
  const json = await kafka(['consume', 'from', '--exit', '--json'])
  assert.equal((await kafka(['produce', 'into', '--json'], { stdin: json.stdout })).exitCode, 0)
  const copied = await kafka(['consume', 'into', '--exit', '--json'])
  const bare = (output: string): unknown[] => linesOf(output).map((line) => ({ ...(JSON.parse(line) as object), topic: '', timestamp: 0 }))
  assert.deepEqual(bare(copied.stdout), bare(json.stdout))
  assert.match(json.stdout, /"key":"é","value":"v","headers":\[\["a","1"\],\["a","2"\]\]/)
  assert.match(json.stdout, /"value":null/)
})

test('two members of a group share the partitions, and the group goes on where it was', async () => {
  await kafka(['topic', 'create', 'shared', '-p', '4'])
  const numbers = Array.from({ length: 100 }, (_, index) => `${index}`)
  await kafka(['produce', 'shared', '--json'], { stdin: numbers.map((n) => JSON.stringify({ key: n, value: n })).join('\n') })
  const all = await kafka(['consume', 'shared', '-g', 'g', '--exit'])
  assert.deepEqual(
    linesOf(all.stdout)
      .map(Number)
      .sort((a, b) => a - b),
    numbers.map(Number),
  )
  assert.equal((await kafka(['consume', 'shared', '-g', 'g', '--exit'])).stdout, '')
  const stop = new AbortController()
  const members = [1, 2].map(() => startCli(['consume', 'shared', '-g', 'g', '-b', broker.kafka], { stop: stop.signal }))
  let sent = 0
  while (members.some((member) => member.stdout() === '') && sent < 400) {
    await kafka(['produce', 'shared', '--json'], {
      stdin: numbers
        .slice(0, 8)
        .map((n) => JSON.stringify({ key: n, value: n }))
        .join('\n'),
    })
    sent += 8
  }
  stop.abort()
  assert.deepEqual(await Promise.all(members.map((member) => member.ended)), [0, 0])
  for (const member of members) assert.notEqual(member.stdout(), '')
})

test('a member that fails leaves its group, so that the next one need not wait for the end of its session', async () => {
  const first = await kafka(['consume', 'absent', '-g', 'failing', '--exit'])
  assert.equal(first.exitCode, 1)
  assert.match(first.stderr, /UNKNOWN_TOPIC_OR_PARTITION/)
  await kafka(['topic', 'create', 'absent', '-p', '1'])
  await kafka(['produce', 'absent', '-v', 'x'])
  assert.deepEqual(await kafka(['consume', 'absent', '-g', 'failing', '--exit']), { exitCode: 0, stdout: 'x\n', stderr: '' })
})

test('an MQTT message is a record, and a record is an MQTT message', async () => {
  await kafka(['topic', 'create', 'both', '-p', '4'])
  const subscriber = startCli(['sub', 'both/#', '--from', 'earliest', '-n', '2', '-v', '-b', broker.mqtt.slice('mqtt://'.length)])
  assert.equal((await mqtt(['pub', 'both/eu/1', '-m', 'from mqtt', '-q', '2'])).exitCode, 0)
  assert.equal((await kafka(['produce', 'both', '-k', 'eu/2', '-v', 'from kafka'])).exitCode, 0)
  assert.equal(await subscriber.ended, 0)
  assert.deepEqual(linesOf(subscriber.stdout()).sort(), ['both/eu/1 from mqtt', 'both/eu/2 from kafka'])
  const consumed = await kafka(['consume', 'both', '--exit', '-f', '%k %v\\n'])
  assert.deepEqual(linesOf(consumed.stdout).sort(), ['eu/1 from mqtt', 'eu/2 from kafka'])
})

test('sub’s JSON carries properties and is pub’s input', async () => {
  await mqtt(['pub', 'props/a', '-m', 'x', '--content-type', 'text/plain', '-P', 'a=1', '-P', 'a=2', '--response-topic', 'r', '--correlation', 'c'])
  const read = await mqtt(['sub', 'props/#', '--from', 'earliest', '-n', '1', '--json'])
  const message = JSON.parse(read.stdout) as Record<string, unknown>
  assert.deepEqual(message, {
    topic: 'props/a',
    qos: 1,
    retain: false,
    payload: 'x',
    contentType: 'text/plain',
    responseTopic: 'r',
    correlation: 'c',
    properties: [
      ['a', '1'],
      ['a', '2'],
    ],
  })
  assert.equal((await mqtt(['pub', '--json'], { stdin: JSON.stringify({ ...message, topic: 'props/b' }) })).exitCode, 0)
  const again = await mqtt(['sub', 'props/b', '--from', 'earliest', '-n', '1', '--json'])
  assert.deepEqual(JSON.parse(again.stdout), { ...message, topic: 'props/b' })
})

for (const version of ['3.1', '3.1.1', '5']) {
  test(`retained messages are published and read with MQTT ${version}`, async () => {
    const topic = `kept/${version.replaceAll('.', '-')}`
    assert.equal((await mqtt(['pub', topic, '-m', '21.5', '-r', '-q', '2', '-V', version])).exitCode, 0)
    const read = await mqtt(['sub', topic, '-n', '1', '-V', version, '--json'])
    assert.equal((JSON.parse(read.stdout) as { payload: string; retain: boolean }).retain, true)
  })
}

test('retained messages of each filter of one SUBSCRIBE come, also where the first filter has none', async () => {
  await mqtt(['pub', 'second/a', '-m', 'kept', '-r'])
  await mqtt(['pub', 'second/b', '-m', 'kept too', '-r'])
  const read = await mqtt(['sub', 'first/#', 'second/a', 'none/#', 'second/b', '-n', '2', '-v'])
  assert.deepEqual(linesOf(read.stdout), ['second/a kept', 'second/b kept too'])
})

test('a session keeps what came while its client was away', async () => {
  const session = ['--id', 'worker', '--session', '1h', '-q', '1']
  const stop = new AbortController()
  const first = startCli(['sub', 'jobs/#', ...session, '-b', broker.mqtt.slice('mqtt://'.length)], { stop: stop.signal })
  await mqtt(['pub', 'jobs/0', '-m', 'probe', '--retain'])
  await first.lines(1)
  stop.abort()
  assert.equal(await first.ended, 0)
  await mqtt(['pub', 'jobs/1', '-m', 'missed'])
  const second = await mqtt(['sub', 'jobs/#', ...session, '--no-retained', '-n', '1'])
  assert.equal(second.stdout, 'missed\n')
})

test('who cannot be reached is named, and what was mistyped is guessed', async () => {
  const nobody = await cli(['topic', 'list', '-b', '127.0.0.1:1'])
  assert.equal(nobody.exitCode, 1)
  assert.match(nobody.stderr, /no Kafka listener answers at 127\.0\.0\.1:1/)
  assert.equal((await cli(['consme', 'x'])).stderr, 'elytra: there is no command "consme"; did you mean "consume"?; elytra --help lists them\n')
  assert.equal((await cli(['consme', 'x'])).exitCode, 2)
  const option = await cli(['topic', 'create', 'x', '--partition', '3'])
  assert.equal(option.exitCode, 2)
  assert.match(option.stderr, /--partitions/)
})

test('every command has help with an example, and its options have a meaning', async () => {
  for (const verb of VERBS) {
    const run = await cli([...verb.words.split(' '), '--help'])
    assert.equal(run.exitCode, 0, verb.words)
    assert.match(run.stdout, new RegExp(`^elytra ${verb.words}`))
    assert.match(run.stdout, /\nExamples:\n {2}# /)
    assert.deepEqual((await cli(['help', ...verb.words.split(' ')])).stdout, run.stdout)
  }
  assert.match((await cli(['--help'])).stdout, /topic create/)
  assert.match((await cli(['--version'])).stdout, /^elytra \d+\.\d+\.\d+\n$/)
})
