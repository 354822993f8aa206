import type { LogStore, StateMachine } from '../../log/ports.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'

export interface ConfigStoreLimits {
  /** Names that have configs. */
  readonly maxNames: number
  /** Bytes of one name's configs, keys and values. */
  readonly maxBytes: number
}

const DEFAULT_CONFIG_STORE_LIMITS: ConfigStoreLimits = { maxNames: 10_000, maxBytes: 65_536 }

const NOTHING: ReadonlyMap<string, string> = new Map()

/** Dynamic configs by the name of what they belong to: in memory, and durable in the coordinator's log, one record per name. */
export class ConfigStore implements StateMachine {
  readonly kind: number
  /** Called after the configs of a name changed, also where a refused change is taken back. */
  onChange: ((name: string) => void) | null = null
  readonly #log: LogStore
  readonly #limits: ConfigStoreLimits
  readonly #byName = new Map<string, ReadonlyMap<string, string>>()

  constructor(log: LogStore, kind: number, limits: ConfigStoreLimits = DEFAULT_CONFIG_STORE_LIMITS) {
    this.#log = log
    this.kind = kind
    this.#limits = limits
    log.register(this)
  }

  get(name: string): ReadonlyMap<string, string> {
    return this.#byName.get(name) ?? NOTHING
  }

  /** Those that have any. */
  names(): IterableIterator<string> {
    return this.#byName.keys()
  }

  /** What `set` would refuse, for want of room. */
  check(name: string, configs: ReadonlyMap<string, string>): Failure | null {
    const { maxNames, maxBytes } = this.#limits
    if (encode(configs).length > maxBytes) return failure(ERRORS.invalidRequest, `the configs of "${name}" take more than ${maxBytes} bytes`)
    const isNew = configs.size > 0 && !this.#byName.has(name)
    return isNew && this.#byName.size >= maxNames ? failure(ERRORS.invalidRequest, `${maxNames} names have configs already`) : null
  }

  /** Replaces all configs of a name (`check` allowed it): they hold when this returns; the old ones hold again where the disk refused. */
  set(name: string, configs: ReadonlyMap<string, string>, onDurable: (failed: Failure | null) => void): void {
    const before = this.get(name)
    this.#hold(name, configs)
    const held = this.get(name)
    this.onChange?.(name)
    this.#log.append({
      batches: [],
      state: [{ kind: this.kind, key: name, value: configs.size === 0 ? null : encode(configs) }],
      durability: 'durable',
      onDone: (failed) => {
        if (failed !== null && this.get(name) === held) {
          this.#hold(name, before)
          this.onChange?.(name)
        }
        onDurable(failed === null ? null : failure(ERRORS.kafkaStorageError, failed.message))
      },
    })
  }

  apply(name: string, value: Uint8Array | null): void {
    this.#hold(name, value === null ? NOTHING : decode(value))
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const [name, configs] of this.#byName) yield [name, encode(configs)]
  }

  #hold(name: string, configs: ReadonlyMap<string, string>): void {
    if (configs.size === 0) this.#byName.delete(name)
    else this.#byName.set(name, configs)
  }
}

function encode(configs: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.from(JSON.stringify(Object.fromEntries(configs)))
}

function decode(value: Uint8Array): ReadonlyMap<string, string> {
  return new Map(Object.entries(JSON.parse(Buffer.from(value).toString()) as Record<string, string>))
}
