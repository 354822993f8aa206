import type { World } from './world.ts'

/** One change that was asked for. */
export interface ConfigChange {
  /** Null: it was taken away. */
  readonly value: string | null
  readonly begunMs: number
  /** When it was acknowledged; null: never, and it may have happened or not. */
  settledMs: number | null
}

/**
 * What a config may be, as the one who changes it was told: the value of the last acknowledged change, or that of one which nobody
 * answered. A value that is not kept yet may be told, and be gone after a crash.
 */
export class ConfigModel {
  readonly #world: World
  readonly #changes = new Map<string, ConfigChange[]>()

  constructor(world: World) {
    this.#world = world
  }

  begin(name: string, value: string | null): ConfigChange {
    const change = { value, begunMs: this.#world.time.nowMs, settledMs: null }
    this.#of(name).push(change)
    return change
  }

  settle(change: ConfigChange): void {
    change.settledMs = this.#world.time.nowMs
  }

  /** What somebody may be told who asked at `askedMs` and is answered now. */
  possible(name: string, askedMs: number): ReadonlySet<string | null> {
    const changes = this.#of(name)
    const last = changes.findLastIndex(({ settledMs }) => settledMs !== null && settledMs <= askedMs)
    // A request without an answer may still be on its way when a later one was answered on another connection.
    return new Set(changes.filter(({ settledMs }, i) => i >= last || settledMs === null).map(({ value }) => value))
  }

  told(name: string, value: string | null, askedMs: number): void {
    const possible = this.possible(name, askedMs)
    if (!possible.has(value)) this.#world.violate(`config ${name} is ${value}, it can only be ${[...possible].join(' or ')}`)
  }

  #of(name: string): ConfigChange[] {
    let changes = this.#changes.get(name)
    if (changes === undefined) {
      changes = [{ value: null, begunMs: 0, settledMs: 0 }]
      this.#changes.set(name, changes)
    }
    return changes
  }
}
