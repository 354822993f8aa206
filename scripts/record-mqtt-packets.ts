/**
 * Records what real clients and a real Mosquitto say to each other into test/golden/mqtt, one file per client:
 * `node scripts/record-mqtt-packets.ts`. Needs Debian's mosquitto and mosquitto-clients, and Python 3 with venv for paho-mqtt,
 * which it installs into .cache.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { RecordingProxy } from './mqtt-packets/recording-proxy.ts'
import { mosquittoScenarios, mqttJsScenarios, pahoScenarios, type Scenario } from './mqtt-packets/scenarios.ts'

const PAHO_VERSION = '2.1.0'
const GOLDEN = new URL('../test/golden/mqtt/', import.meta.url)
const CACHE = new URL('../.cache/', import.meta.url)

async function run(command: string, ...args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const timer = setTimeout(() => child.kill(), 60_000)
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', () => resolve())
  })
  clearTimeout(timer)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

async function accepts(port: number): Promise<boolean> {
  const socket = new Socket()
  return new Promise((resolve) => {
    socket.on('error', () => resolve(false))
    socket.connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

async function record(file: string, origin: string, scenarios: readonly Scenario[], brokerPort: number): Promise<void> {
  const conversations = []
  for (const { name, level, run: talk } of scenarios) {
    const proxy = new RecordingProxy(brokerPort)
    await talk(await proxy.listen())
    await delay(50)
    proxy.close()
    for (const { client, server } of proxy.connections) {
      conversations.push({ name, level, client: Buffer.concat(client).toString('hex'), server: Buffer.concat(server).toString('hex') })
    }
  }
  writeFileSync(new URL(file, GOLDEN), `${JSON.stringify({ origin, conversations }, null, 1)}\n`)
  console.error(`${file}: ${conversations.length} conversations`)
}

const directory = mkdtempSync(join(tmpdir(), 'mosquitto-'))
const port = await freePort()
writeFileSync(join(directory, 'mosquitto.conf'), `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
const mosquitto = spawn('/usr/sbin/mosquitto', ['-c', join(directory, 'mosquitto.conf')], { stdio: 'ignore' })
try {
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (tries > 100) throw new Error('mosquitto does not accept connections')
    await delay(50)
  }
  const venv = new URL(`venv-paho-mqtt-${PAHO_VERSION}/`, CACHE)
  const python = new URL('bin/python', venv).pathname
  if (!existsSync(python)) {
    await run('python3', '-m', 'venv', venv.pathname)
    await run(new URL('bin/pip', venv).pathname, 'install', '--quiet', `paho-mqtt==${PAHO_VERSION}`)
  }
  const mqttJs = (JSON.parse(readFileSync(new URL('../node_modules/mqtt/package.json', import.meta.url), 'utf8')) as { version: string }).version
  await record(
    'mosquitto-clients-2.0.11-and-mosquitto-2.0.11.json',
    'mosquitto_pub and mosquitto_sub 2.0.11 (Debian) with mosquitto 2.0.11',
    mosquittoScenarios(run),
    port,
  )
  await record(`mqtt-js-${mqttJs}-and-mosquitto-2.0.11.json`, `MQTT.js ${mqttJs} with mosquitto 2.0.11`, mqttJsScenarios(), port)
  await record(
    `paho-mqtt-${PAHO_VERSION}-and-mosquitto-2.0.11.json`,
    `paho-mqtt ${PAHO_VERSION} (Python) with mosquitto 2.0.11`,
    pahoScenarios(run, python),
    port,
  )
} finally {
  mosquitto.kill()
  rmSync(directory, { recursive: true })
}
