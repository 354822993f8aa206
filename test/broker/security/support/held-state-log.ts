import type { AppendGroup, LogStore, StateMachine } from '../../../../src/log/ports.ts'

/** The state half of a log: appends wait until the test commits them or lets them fail; `restart` replays what was committed. */
export class HeldStateLog {
  readonly durable = new Map<string, { readonly kind: number; readonly key: string; readonly value: Uint8Array }>()
  readonly #machines = new Map<number, StateMachine>()
  readonly #waiting: AppendGroup[] = []

  /** For constructors; only `register` and `append` are there. */
  get store(): LogStore {
    return this as unknown as LogStore
  }

  /** A log that holds what was committed in this one. */
  static after(before: HeldStateLog): HeldStateLog {
    const log = new HeldStateLog()
    for (const [id, record] of before.durable) log.durable.set(id, record)
    return log
  }

  register(machine: StateMachine): void {
    this.#machines.set(machine.kind, machine)
  }

  replay(): void {
    for (const { kind, key, value } of this.durable.values()) this.#machines.get(kind)?.apply(key, value)
  }

  append(group: AppendGroup): void {
    this.#waiting.push(group)
  }

  commit(count = Number.POSITIVE_INFINITY): void {
    for (const group of this.#waiting.splice(0, count)) {
      for (const { kind, key, value } of group.state) {
        if (value === null) this.durable.delete(`${kind} ${key}`)
        else this.durable.set(`${kind} ${key}`, { kind, key, value })
      }
      group.onDone(null)
    }
  }

  fail(count = Number.POSITIVE_INFINITY): void {
    for (const group of this.#waiting.splice(0, count)) group.onDone({ code: 'storage-error', message: 'disk full' })
  }
}
