import { connectAsync, type IClientOptions } from 'mqtt'

/** A conversation to record: its name, the protocol level, and what to run against a port. */
export interface Scenario {
  readonly name: string
  readonly level: 3 | 4 | 5
  readonly run: (port: number) => Promise<void>
}

type Run = (command: string, ...args: string[]) => Promise<void>

const VERSIONS = [
  ['31', 3],
  ['311', 4],
  ['5', 5],
] as const

/** mosquitto_pub and mosquitto_sub in the versions of the protocol, with all properties their options offer. */
export function mosquittoScenarios(run: Run): Scenario[] {
  const scenarios: Scenario[] = []
  for (const [version, level] of VERSIONS) {
    const base = (port: number) => ['-h', '127.0.0.1', '-p', String(port), '-V', version]
    for (const qos of ['0', '1', '2']) {
      scenarios.push({
        name: `mosquitto_pub -V ${version} -q ${qos}, retained, with user name and will`,
        level,
        run: (port) =>
          run(
            'mosquitto_pub',
            ...base(port),
            '-q',
            qos,
            '-r',
            '-t',
            'orders/eu/42',
            '-m',
            '{"n":1}',
            '-u',
            'me',
            '-P',
            'secret',
            '-i',
            `pub-${qos}`,
            '--will-topic',
            'gone/me',
            '--will-payload',
            'bye',
            '--will-qos',
            '1',
            '--will-retain',
          ),
      })
      scenarios.push({
        name: `mosquitto_sub -V ${version} -q ${qos} takes the retained message`,
        level,
        run: (port) => run('mosquitto_sub', ...base(port), '-q', qos, '-t', 'orders/#', '-t', '+/other', '-C', '1', '-i', `sub-${qos}`),
      })
    }
    scenarios.push({
      name: `mosquitto_sub -V ${version} unsubscribes`,
      level,
      run: (port) => run('mosquitto_sub', ...base(port), '-t', 'orders/#', '-U', 'orders/#', '-C', '1', '-E', '-i', 'unsub'),
    })
  }
  const properties = [
    '-D',
    'publish',
    'payload-format-indicator',
    '1',
    '-D',
    'publish',
    'message-expiry-interval',
    '3600',
    '-D',
    'publish',
    'content-type',
    'application/json',
    '-D',
    'publish',
    'response-topic',
    'answers/1',
    '-D',
    'publish',
    'correlation-data',
    'c-1',
    '-D',
    'publish',
    'user-property',
    'trace',
    't1',
    '-D',
    'publish',
    'user-property',
    'trace',
    't2',
    '-D',
    'publish',
    'topic-alias',
    '3',
  ]
  scenarios.push({
    name: 'mosquitto_pub -V 5 with every publish and connect property',
    level: 5,
    run: (port) =>
      run(
        'mosquitto_pub',
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-V',
        '5',
        '-q',
        '1',
        '-r',
        '-t',
        'orders/eu/43',
        '-m',
        'ä日本',
        ...properties,
        '-D',
        'connect',
        'session-expiry-interval',
        '60',
        '-D',
        'connect',
        'receive-maximum',
        '5',
        '-D',
        'connect',
        'request-problem-information',
        '1',
        '-D',
        'connect',
        'user-property',
        'who',
        'me',
        '-D',
        'disconnect',
        'session-expiry-interval',
        '30',
        '-i',
        'all',
      ),
  })
  scenarios.push({
    name: 'mosquitto_sub -V 5 with subscription identifier and all options',
    level: 5,
    run: (port) =>
      run(
        'mosquitto_sub',
        '-h',
        '127.0.0.1',
        '-p',
        String(port),
        '-V',
        '5',
        '-q',
        '2',
        '-t',
        'orders/#',
        '-C',
        '1',
        '-D',
        'subscribe',
        'subscription-identifier',
        '300',
        '-D',
        'subscribe',
        'user-property',
        'from',
        'earliest',
        '--retain-as-published',
        '-i',
        'allsub',
      ),
  })
  return scenarios
}

/** MQTT.js: one long conversation per version. */
export function mqttJsScenarios(): Scenario[] {
  return [
    { name: 'MQTT.js 3.1', level: 3, run: (port) => converse(port, { protocolId: 'MQIsdp', protocolVersion: 3 }) },
    { name: 'MQTT.js 3.1.1', level: 4, run: (port) => converse(port, { protocolVersion: 4 }) },
    {
      name: 'MQTT.js 5',
      level: 5,
      run: (port) =>
        converse(port, {
          protocolVersion: 5,
          properties: {
            sessionExpiryInterval: 100,
            receiveMaximum: 20,
            topicAliasMaximum: 5,
            requestResponseInformation: true,
            userProperties: { a: ['1', '2'] },
          },
        }),
    },
  ]
}

async function converse(port: number, options: IClientOptions): Promise<void> {
  const isV5 = options.protocolVersion === 5
  const will = {
    topic: 'gone/js',
    payload: Buffer.from('bye'),
    qos: 2 as const,
    retain: false,
    ...(isV5 ? { properties: { willDelayInterval: 5, contentType: 'text/plain' } } : {}),
  }
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: `js-${options.protocolVersion}`, reconnectPeriod: 0, will, ...options })
  let received = 0
  const allReceived = new Promise<void>((resolve) => {
    client.on('message', () => {
      if (++received === 3) resolve()
    })
  })
  await client.subscribeAsync({ 'talk/+/x': { qos: 2 }, 'talk/#': { qos: 1 } }, isV5 ? { qos: 2, properties: { subscriptionIdentifier: 7 } } : { qos: 2 })
  const properties = isV5
    ? {
        properties: {
          userProperties: { k: 'v' },
          contentType: 't',
          correlationData: Buffer.from([0, 255]),
          responseTopic: 'r/1',
          messageExpiryInterval: 9,
          payloadFormatIndicator: true,
        },
      }
    : {}
  for (const qos of [0, 1, 2] as const) await client.publishAsync(`talk/${qos}`, Buffer.alloc(150, 65 + qos), { qos, ...properties })
  await allReceived
  await client.unsubscribeAsync(['talk/#', 'never'])
  await client.endAsync()
}

const PAHO = `
import sys, threading
import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.subscribeoptions import SubscribeOptions
port, version = int(sys.argv[1]), int(sys.argv[2])
done = threading.Event()
count = [0]
def on_message(client, userdata, message):
    count[0] += 1
    if count[0] == 3: done.set()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id='paho-%d' % version, protocol=version)
client.on_message = on_message
subscribed = threading.Event()
client.on_subscribe = lambda *a: subscribed.set()
ready = threading.Event()
client.on_connect = lambda *a: ready.set()
client.username_pw_set('me', 'secret')
client.will_set('gone/paho', 'bye', 1, True)
if version == 5:
    p = Properties(PacketTypes.CONNECT); p.SessionExpiryInterval = 30; p.MaximumPacketSize = 100000
    client.connect('127.0.0.1', port, properties=p)
else:
    client.connect('127.0.0.1', port)
client.loop_start()
ready.wait(10)
if version == 5:
    client.subscribe('talk/#', options=SubscribeOptions(2, False, True, 1))
else:
    client.subscribe([('talk/#', 2), ('x/+', 0)])
subscribed.wait(10)
for qos in (0, 1, 2):
    if version == 5:
        p = Properties(PacketTypes.PUBLISH); p.UserProperty = ('k', 'v'); p.UserProperty = ('k', 'w')
        client.publish('talk/%d' % qos, b'x' * 20, qos, properties=p).wait_for_publish(10)
    else:
        client.publish('talk/%d' % qos, b'x' * 20, qos).wait_for_publish(10)
done.wait(10)
client.unsubscribe('talk/#')
client.disconnect()
client.loop_stop()
`

/** paho-mqtt in 3.1, 3.1.1 and 5, by a Python that has it. */
export function pahoScenarios(run: Run, python: string): Scenario[] {
  return VERSIONS.map(([version, level]) => ({ name: `paho-mqtt ${version}`, level, run: (port) => run(python, '-c', PAHO, String(port), String(level)) }))
}
