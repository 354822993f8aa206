import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadSettings, type RawSetting, settingsOfEnvironment, settingsOfObject } from '../../src/config/load.ts'
import type { Settings } from '../../src/config/settings.ts'
import { settingsOfYaml } from '../../src/config/yaml-file.ts'

const ok = (...sources: (readonly RawSetting[])[]): Settings => {
  const result = loadSettings(...sources)
  assert.ok('settings' in result, 'problems' in result ? result.problems.join('\n') : '')
  return result.settings
}

const wrong = (...sources: (readonly RawSetting[])[]): readonly string[] => {
  const result = loadSettings(...sources)
  assert.ok('problems' in result, 'expected problems')
  return result.problems
}

const yaml = (text: string): readonly RawSetting[] => {
  const result = settingsOfYaml(text, 'e.yaml')
  assert.ok(!('problems' in result), 'problems' in result ? result.problems.join('\n') : '')
  return result
}

test('without anything given every setting has its default', () => {
  const settings = ok()
  assert.equal(settings['num.partitions'], 4)
  assert.deepEqual(settings['kafka.listeners'], [{ host: 'localhost', port: 9092, text: 'localhost:9092' }])
  assert.equal(settings.storage, 'file:')
})

test('flags win over the environment, and that over the file', () => {
  const file = yaml('num.partitions: 1\nlog.level: warn\nauto.create.topics.enable: false\n')
  const environment = settingsOfEnvironment({ ELYTRA_NUM_PARTITIONS: '2', ELYTRA_LOG_LEVEL: 'error', PATH: '/bin' })
  const flags = settingsOfObject({ 'num.partitions': '3' }, '--set')
  const settings = ok(file, environment, flags)
  assert.equal(settings['num.partitions'], 3)
  assert.equal(settings['log.level'], 'error')
  assert.equal(settings['auto.create.topics.enable'], false)
})

test('a YAML file may nest, use dots, or both', () => {
  const settings = ok(yaml('num: { partitions: 6 }\nkafka:\n  listeners: [127.0.0.1:1, "[::1]:2"]\nmqtt.listeners: off\n'))
  assert.equal(settings['num.partitions'], 6)
  assert.deepEqual(
    settings['kafka.listeners'].map(({ host, port }) => [host, port]),
    [
      ['127.0.0.1', 1],
      ['::1', 2],
    ],
  )
  assert.deepEqual(settings['mqtt.listeners'], [])
})

test('an unknown key names its line and the key that was meant', () => {
  assert.deepEqual(wrong(yaml('log.level: info\nnum.partition: 3\n')), ['e.yaml:2: there is no setting "num.partition"; did you mean "num.partitions"?'])
})

test('an unknown variable that begins with ELYTRA_ is a mistake, not silence', () => {
  assert.deepEqual(wrong(settingsOfEnvironment({ ELYTRA_NUM_PARTITION: '3' })), [
    'ELYTRA_NUM_PARTITION: there is no setting "num.partition"; did you mean "num.partitions"?',
  ])
})

test('the variables that Kubernetes makes of a service called elytra are no settings', () => {
  const made = { ELYTRA_SERVICE_HOST: '10.0.0.1', ELYTRA_SERVICE_PORT_KAFKA: '9092', ELYTRA_PORT: 'tcp://10.0.0.1:9092', ELYTRA_PORT_9092_TCP_ADDR: '10.0.0.1' }
  assert.deepEqual(settingsOfEnvironment(made), [])
})

test('all problems are reported at once, each with its place, value and range', () => {
  const problems = wrong(yaml('num.partitions: many\nlog.level: loud\nmqtt.listeners: nowhere\n'), settingsOfEnvironment({ ELYTRA_MAX_CONNECTIONS: '0' }))
  assert.deepEqual(problems, [
    'e.yaml:1: num.partitions must be a whole number, not "many"',
    'e.yaml:2: log.level must be one of debug, info, warn, error, silent, not "loud"',
    'e.yaml:3: mqtt.listeners must be HOST:PORT (an IPv6 address in brackets), not "nowhere"',
    'ELYTRA_MAX_CONNECTIONS: max.connections must be 1 to 1000000, not 0',
  ])
})

test('YAML that does not parse is reported with its line', () => {
  const result = settingsOfYaml('storage: "file:\n', 'e.yaml')
  assert.ok('problems' in result)
  assert.match(result.problems[0] ?? '', /^e\.yaml:[12]: /)
})

test('a key without a value, and a file that is no map, are refused', () => {
  const empty = settingsOfYaml('storage:\n', 'e.yaml')
  assert.deepEqual('problems' in empty && empty.problems, ['e.yaml:1: storage has no value'])
  const sequence = settingsOfYaml('- a\n', 'e.yaml')
  assert.deepEqual('problems' in sequence && sequence.problems, ['e.yaml:1: a file of settings is a map of keys and values'])
  assert.deepEqual(settingsOfYaml('', 'e.yaml'), [])
})

test('values that contradict one another are refused', () => {
  assert.match(wrong(settingsOfObject({ storage: 'memory:', 'data.dir': 'here' }, 'flag'))[0] ?? '', /give one of the two/)
  assert.match(wrong(settingsOfObject({ 'insecure.listeners': '0.0.0.0:1' }, 'flag'))[0] ?? '', /names 0\.0\.0\.0:1, which is no listener/)
  assert.match(wrong(settingsOfObject({ 'kafka.listeners': 'off', 'mqtt.listeners': 'off' }, 'flag'))[0] ?? '', /nobody could connect/)
  assert.match(wrong(settingsOfObject({ 'kafka.advertised.listeners': 'a:1,b:2' }, 'flag'))[0] ?? '', /2 advertised addresses for 1/)
})
