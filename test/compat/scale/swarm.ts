/** Many groups of many consumers in processes of their own: the side of the test. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { HostPort } from '../../../src/runtime/network.ts'
import { until } from '../lib/process.ts'
import type { Subscription } from './member.ts'

export interface GroupOrder extends Subscription {
  readonly members: number
  readonly protocol: 'classic' | 'consumer'
}

/** What is told to a process of the swarm. */
export type Order =
  | { readonly kind: 'start'; readonly broker: HostPort; readonly groups: readonly GroupOrder[] }
  /** So many members more (or, below zero, fewer) of each group; those that go leave, or vanish without a word. */
  | { readonly kind: 'change'; readonly members: number; readonly vanish: boolean }
  /** Every partition has records up to this offset. */
  | { readonly kind: 'expect'; readonly end: number }
  | { readonly kind: 'stop' }

/** What a process of the swarm tells, some times a second. */
export interface Report {
  readonly groups: number
  readonly settled: number
  /** Members that are in their groups. */
  readonly members: number
  /** Groups that have read everything that is expected. */
  readonly caughtUp: number
  readonly gaps: number
  readonly repeats: number
  /** How many orders the process had carried out when it reported. */
  readonly orders: number
}

const PROCESS = new URL('./swarm-process.ts', import.meta.url)

export class Swarm implements AsyncDisposable {
  readonly #processes: ChildProcess[]
  readonly #reports: (Report | undefined)[]
  #orders = 0

  constructor(processes: number) {
    this.#reports = Array.from({ length: processes })
    this.#processes = this.#reports.map((_, index) => {
      const child = fork(PROCESS, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      child.on('message', (report: Report) => {
        this.#reports[index] = report
      })
      return child
    })
  }

  start(broker: HostPort, groups: readonly GroupOrder[]): void {
    this.#orders += 1
    this.#processes.forEach((child, index) => {
      child.send({ kind: 'start', broker, groups: groups.filter((_, at) => at % this.#processes.length === index) } satisfies Order)
    })
  }

  tell(order: Order): void {
    this.#orders += 1
    for (const child of this.#processes) child.send(order)
  }

  /** The sum of the last reports. */
  get report(): Report {
    const sum = { groups: 0, settled: 0, members: 0, caughtUp: 0, gaps: 0, repeats: 0, orders: this.#orders }
    for (const report of this.#reports) {
      if (report === undefined || report.orders < this.#orders) return { ...sum, groups: -1 }
      for (const key of ['groups', 'settled', 'members', 'caughtUp', 'gaps', 'repeats'] as const) sum[key] += report[key]
    }
    return sum
  }

  /** Waits until every group is settled; gives how long it took. */
  async settled(members: number, timeoutMs: number): Promise<number> {
    const from = performance.now()
    await this.#until('all groups to be settled', (report) => report.settled === report.groups && report.members === members, timeoutMs)
    return performance.now() - from
  }

  /** Waits until every group has read everything up to `end`. */
  async caughtUp(end: number, timeoutMs: number): Promise<number> {
    const from = performance.now()
    this.tell({ kind: 'expect', end })
    await this.#until('all groups to have read all', (report) => report.caughtUp === report.groups, timeoutMs)
    return performance.now() - from
  }

  async #until(what: string, so: (report: Report) => boolean, timeoutMs: number): Promise<void> {
    const come = () => {
      if (this.#processes.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)) throw new Error(`a process of the swarm died: ${what}`)
      return this.report.groups > 0 && so(this.report)
    }
    await until(what, come, { timeoutMs, everyMs: 100, describe: () => JSON.stringify(this.report) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        if (child.exitCode !== null) return
        child.kill('SIGKILL')
        await once(child, 'exit')
      }),
    )
  }
}
