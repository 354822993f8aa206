import type { ApiRange, Handler } from './handler.ts'
import type { InOfShape, OutOfShape, Shape } from './wire/fields.ts'
import type { Message } from './wire/message.ts'

/** Versions, both ends included. */
export type VersionRange = readonly [first: number, last: number]

/** One API as the connection meets it: its line in `apis.ts` without the types. */
export interface Api {
  readonly key: number
  /** `Produce` */
  readonly name: string
  readonly request: Message
  readonly response: Message
  readonly handler: Handler<unknown, never>
  readonly serves: VersionRange
  /** What ApiVersions says: `serves`, but where clients must be told something else. */
  readonly advertises: VersionRange
  /** Later requests of the connection wait until this one is answered. */
  readonly exclusive: boolean
  /** Later requests of the connection wait while the log is congested. */
  readonly appends: boolean
}

export interface ApiOptions {
  readonly advertises?: VersionRange
  readonly exclusive?: boolean
  readonly appends?: boolean
}

/** A line of the table; the compiler checks that the handler takes and answers these messages. */
export function api<Q extends Shape, R extends Shape>(
  request: Message<Q>,
  response: Message<R>,
  handler: Handler<OutOfShape<Q>, InOfShape<R>>,
  serves: VersionRange,
  options: ApiOptions = {},
): Api {
  return {
    key: request.key,
    name: request.name.replace(/Request$/, ''),
    request,
    response,
    handler: handler as Handler<unknown, never>,
    serves,
    advertises: options.advertises ?? serves,
    exclusive: options.exclusive ?? false,
    appends: options.appends ?? false,
  }
}

/** The APIs by key, and what ApiVersions says of them. */
export class ApiTable {
  readonly ranges: readonly ApiRange[]
  readonly #byKey: (Api | undefined)[] = []

  constructor(apis: readonly Api[]) {
    for (const entry of apis) this.#byKey[entry.key] = entry
    this.ranges = [...apis]
      .sort((left, right) => left.key - right.key)
      .map((entry) => ({ apiKey: entry.key, minVersion: entry.advertises[0], maxVersion: entry.advertises[1] }))
  }

  /** Undefined for a key that is not served. */
  get(key: number): Api | undefined {
    return this.#byKey[key]
  }
}

/** Whether requests of this version are answered. */
export function serves(entry: Api, version: number): boolean {
  return version >= entry.serves[0] && version <= entry.serves[1]
}
