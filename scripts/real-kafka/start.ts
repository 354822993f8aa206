import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../src/kafka/messages/api-versions.ts'
import { exchange } from './exchange.ts'
import { installKafka } from './install.ts'

/** A running Apache Kafka, one KRaft node on loopback. */
export interface RealKafka extends AsyncDisposable {
  /** `127.0.0.1:PORT`, where it listens. */
  readonly bootstrap: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  /** Ends it by its pid and waits for that; twice is fine. */
  stop(): Promise<void>
}

export interface RealKafkaOptions {
  /** Where it keeps its data. Left out: a temporary folder that is deleted at the end. */
  readonly dataDir?: string
  /** The port it tells clients to use, if a proxy stands in front of it. */
  readonly advertisedPort?: number
  /** More lines of server.properties, or others for those set here. */
  readonly properties?: Readonly<Record<string, string>>
  readonly heapMb?: number
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000
const CLUSTER_ID = 'ZWx5dHJhLXJlYWwta2Fma2'

/** Installs, formats and starts it; resolves when it answers ApiVersions. */
export async function startRealKafka(options: RealKafkaOptions = {}): Promise<RealKafka> {
  const classPath = await installKafka()
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'real-kafka-')))
  await mkdir(dataDir, { recursive: true })
  const [port, controllerPort] = await freePorts()
  const configFile = join(dataDir, 'server.properties')
  await writeFile(configFile, serverProperties(join(dataDir, 'logs'), port, controllerPort, options))
  await promisify(execFile)('java', ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '--ignore-formatted', '-t', CLUSTER_ID, '-c', configFile])

  const heap = `${options.heapMb ?? 512}m`
  const child = spawn('java', [`-Xms${heap}`, `-Xmx${heap}`, '-cp', classPath, 'kafka.Kafka', configFile], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000)
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  // A script that fails on its way must not leave a broker behind.
  const killAtExit = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', killAtExit)
  child.once('exit', () => process.removeListener('exit', killAtExit))
  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopped ??= endProcess(child, exited).then(() => (options.dataDir === undefined ? rm(dataDir, { recursive: true, force: true }) : undefined))
    return stopped
  }
  try {
    await waitUntilReady(port, () => child.exitCode !== null || child.signalCode !== null)
  } catch (cause) {
    await stop()
    throw new Error(`Kafka did not start: ${complaint}`, { cause })
  }
  return { bootstrap: `127.0.0.1:${port}`, port, pid: child.pid as number, dataDir, stop, [Symbol.asyncDispose]: stop }
}

function serverProperties(logDir: string, port: number, controllerPort: number, options: RealKafkaOptions): string {
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${options.advertisedPort ?? port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': logDir,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...options.properties,
  }
  return `${Object.entries(properties)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`
}

/** Two ports that are free now. */
async function freePorts(): Promise<[number, number]> {
  const servers = await Promise.all(
    [0, 0].map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports as [number, number]
}

async function waitUntilReady(port: number, hasExited: () => boolean): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    if (hasExited()) throw new Error('its process ended')
    const answer = await exchange({ host: '127.0.0.1', port }, ApiVersionsRequest, ApiVersionsResponse, 0, {
      clientSoftwareName: 'elytra',
      clientSoftwareVersion: '0',
    }).catch((error: unknown) => error as Error)
    if (!(answer instanceof Error)) return
    if (performance.now() > deadline) throw answer
    await sleep(50)
  }
}

async function endProcess(child: ReturnType<typeof spawn>, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const killing = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(killing)
}
